"""How the machines of a run ended → for those that did not end well: why, what explains it, and what to type next."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.telling.report import about

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pyhomelab.telling.events import HostEnded

_LAST = 10  # lines
_USUAL = Path("hosts")
_AGAIN = ""
"""Stands for the command that was typed."""
_NEXT: Mapping[str, tuple[str, str]] = {
    "left alone": ("when what was in its way is well", _AGAIN),
    "evaluation failed": ("when that is mended", "build"),
    "build failed": ("when that is mended", "build"),
    "not copied": ("when that is mended (nothing was changed there)", _AGAIN),
    "refused": ("when that is mended (nothing was changed there)", _AGAIN),
    "overtaken": ("to see what somebody else activated there", "status"),
    "unknown": ("to see what runs there", "status"),
    "rollback failed": ("log in or go to the console, `systemctl reboot` boots the old system; after that", "status"),
    "may not boot": ("make room on its boot partition before anything restarts it; after that", _AGAIN),
    "runs the new system, boots the old one": ("when its boot loader can be written", _AGAIN),
}
"""What to do first about a machine that ended so, and the command after that."""
_STOPPED = "the deploy was stopped"
_RESUME = "next, to go on where it stopped: pyhomelab deploy --resume"
_HELPLESS = ("go to the console; when it answers again", "status")
_OTHER = ("when that is mended", _AGAIN)


def ends(
    ended: Iterable[HostEnded], run_id: str, inventory: Path, *, command: str = "deploy", has_headlines: bool = True
) -> list[str]:
    """Give the lines that explain each machine that did not end well, and say what to type next.

    `run_id` names the run in the logs that the machines keep; `command` is what was typed. Without headlines it is for
    a person who has read already what became of each machine.
    """
    unwell = [one for one in ended if not one.is_well]
    explained = [line for one in unwell for line in _explained(one, run_id)[0 if has_headlines else 1 :]]
    return [*explained, *next_steps(unwell, inventory, command=command)]


def next_steps(ended: Iterable[HostEnded], inventory: Path, *, command: str = "deploy") -> list[str]:
    """Say what to type next about machines that did not end well, together for those that ended alike."""
    unwell = [one for one in ended if not one.is_well]
    over = "" if inventory == _USUAL else f" {shlex.quote(str(inventory))}"
    alike: dict[tuple[str, str], list[str]] = {}
    for one in unwell:
        if one.why != _STOPPED:
            first, then = _NEXT.get(one.became, _HELPLESS if one.needs_a_person else _OTHER)
            alike.setdefault((first, then or command), []).append(one.host)
    steps = [f"next, {first}: pyhomelab {then} {_chosen(hosts)}{over}" for (first, then), hosts in alike.items()]
    return [*steps, *([f"{_RESUME}{over}"] if any(one.why == _STOPPED for one in unwell) else [])]


def _explained(one: HostEnded, run_id: str) -> list[str]:
    words = [f"{one.became}{f': {one.why}' if one.why else ''}", *one.log[-_LAST:]]
    if one.log and run_id:
        words.append(f"the whole log is there: journalctl -u pyhomelab-{run_id}")
    if one.runs:
        words.append(f"runs {one.runs}")
    return about(one.host, "\n".join(words))


def _chosen(hosts: Sequence[str]) -> str:
    return f"--host {hosts[0]}" if len(hosts) == 1 else f"--on {','.join(hosts)}"
