"""What became of machines, at the end of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pyhomelab.cli.options import print_json
from pyhomelab.deployment.journal import DEPLOYED
from pyhomelab.errors import NeedsAPerson, SomeFailed, Unhealthy
from pyhomelab.telling.endings import ends
from pyhomelab.telling.report import about
from pyhomelab.text.wording import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pyhomelab.cli.rolling import Over
    from pyhomelab.telling.events import HostEnded


@dataclass(frozen=True, slots=True)
class Output:
    """The command that ended, and what was asked of its stdout."""

    command: str
    as_json: bool = False
    json_events: bool = False


def conclude(over: Over, inventory: Path, output: Output) -> None:
    """Say what became of each machine, what explains it and what to type next.

    Raises NeedsAPerson, SomeFailed or Unhealthy if a machine did not end well.
    """
    became = over.became
    if output.as_json:
        hosts = {host: {"state": one.became, "why": one.why, "runs": one.runs} for host, one in became.items()}
        print_json({"run": over.run_id or None, "hosts": hosts})
    elif not output.json_events:
        for host, one in became.items():
            click.echo(about(host, f"{one.became}{f': {one.why}' if one.why else ''}")[0])
    has_headlines = output.as_json or output.json_events
    explained = ends(became.values(), over.run_id, inventory, command=output.command, has_headlines=has_headlines)
    for line in explained:
        click.echo(line, err=True)
    _refuse_unwell(became, over.unbuilt, over.unwritten)


def _refuse_unwell(became: Mapping[str, HostEnded], unbuilt: str, unwritten: Sequence[str]) -> None:
    unwell = {host: one for host, one in became.items() if not one.is_well}
    helpless = [host for host, one in unwell.items() if one.needs_a_person]
    old = [host for host, one in unwell.items() if one.became != DEPLOYED and host not in helpless]
    ill = [host for host, one in unwell.items() if one.became == DEPLOYED and host not in helpless]
    said = [
        f"{listed(helpless)} {'needs' if len(helpless) == 1 else 'need'} a person" if helpless else "",
        f"{listed(old)} did not get {'its new system' if len(old) == 1 else 'their new systems'}" if old else "",
        f"{listed(ill)} {'is' if len(ill) == 1 else 'are'} deployed, but not all is well" if ill else "",
        unbuilt,
        *unwritten,
    ]
    sentence = "; ".join(filter(None, said))
    if helpless:
        raise NeedsAPerson(sentence)
    if old or unbuilt:
        raise SomeFailed(sentence)
    if sentence:
        raise Unhealthy(sentence)
