"""A Kubernetes node in use → the same node, empty and closed to new pods; and back.

Asked of a server of its cluster that stays up. Only what was closed here is opened again: a node that a person had
cordoned stays so.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.errors import HostFailed
from pyhomelab.shell import Unreachable
from pyhomelab.shell.script import host_script, last_words, plain_name, verdict_of, with_values
from pyhomelab.text.wording import listed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyhomelab.planning.drains import Node
    from pyhomelab.shell import Shell

DRAIN_SECONDS = 300
"""How long a node may take to become empty: pods are given their own time to end."""
READY_SECONDS = 300
"""How long a node may take to be ready after its machine is up."""
_ANSWER = 120


class NotDrained(HostFailed):
    """A node could not be emptied, so its machine must not be rebooted; all that was closed for it is open again."""

    kind = "not drained"


class NotOpened(HostFailed):
    """A node that was closed for a reboot is closed still."""

    kind = "cordoned"


class _NoAnswer(HostFailed):
    """A server of a cluster does not say anything of the cluster."""


class _BrokeOff(HostFailed):
    """A server of a cluster was told what to do; what came of it was not heard."""


@dataclass(frozen=True, slots=True)
class Drained:
    """A node that is empty; `is_ours` if it was open before, `boot_id` is the one that Kubernetes knew it by."""

    node: Node
    is_ours: bool
    boot_id: str


@dataclass(frozen=True, slots=True)
class Drains:
    """The nodes that were emptied for a machine, and what has to be said of those that could not be."""

    drained: tuple[Drained, ...] = ()
    said: tuple[str, ...] = ()


def drain(nodes: Sequence[Node], run_id: str, reach: Callable[[str], Shell], *, seconds: int = DRAIN_SECONDS) -> Drains:
    """Empty nodes one after the other; `reach` opens a shell of root on a server.

    Raises NotDrained, with the reason, after opening all of them again, if one could not be emptied in `seconds`.
    """
    drained: list[Drained] = []
    said: list[str] = []
    for node in nodes:
        try:
            found = _drain(node, run_id, reach, seconds)
        except NotDrained as error:
            raise _with_the_others(error, drained, reach) from None
        if isinstance(found, Drained):
            drained.append(found)
        else:
            said.append(found)
    return Drains(tuple(drained), tuple(said))


def open_again(
    drains: Drains, reach: Callable[[str], Shell], *, is_rebooted: bool, seconds: int = READY_SECONDS
) -> None:
    """Open the nodes that were closed, each when it is ready; after a reboot that is when it has booted again.

    Raises NotOpened, after having opened all others, if one is not ready in `seconds`.
    """
    failed = []
    # servers first: an agent is of use when the cluster is whole
    for closed in reversed(drains.drained):
        if closed.is_ours:
            try:
                _open(closed, reach, is_rebooted=is_rebooted, seconds=seconds)
            except HostFailed as error:
                failed.append((closed.node.name, error.what))
    if failed:
        names = [name for name, _ in failed]
        raise NotOpened(
            f"still closed to new pods: {'; '.join(f'{name} ({why})' for name, why in failed)}",
            where=names[0],
            hint=f"when it is well: kubectl uncordon {' '.join(names)}",
        )


def left_closed(nodes: Sequence[Node]) -> Drains:
    """Give what a run that was killed may have left: opened again, only nodes that bear our mark are opened."""
    return Drains(tuple(Drained(node, is_ours=True, boot_id="") for node in nodes if node.servers))


def _with_the_others(error: NotDrained, drained: Sequence[Drained], reach: Callable[[str], Shell]) -> NotDrained:
    """Open what was closed before one could not be; gives the error, with what is closed still."""
    try:
        open_again(Drains(tuple(drained)), reach, is_rebooted=False)
    except NotOpened as closed:
        return NotDrained(f"{error.what}; {closed.what}", where=error.where, hint=error.hint or closed.hint)
    return error


def _drain(node: Node, run_id: str, reach: Callable[[str], Shell], seconds: int) -> Drained | str:
    """Empty a node; gives what has to be said instead where nobody can be asked, or there is nothing to empty."""
    if not node.servers:
        return f"{node.name} is not drained: no server of cluster {node.cluster} stays up without it"
    try:
        verdict = _asked("drain", node, reach, {"RUN": plain_name(run_id), "BOOT": ""}, seconds)
    except _BrokeOff as error:
        hint = f"it may be closed still: kubectl uncordon {node.name}"
        raise NotDrained(f"whether it is empty is not known: {error.what}", where=node.name, hint=hint) from None
    except HostFailed as error:
        return f"{node.name} is not drained: {error.what}"
    match verdict:
        case ["drained", ours, boot_id]:
            return Drained(node, ours == "yes", boot_id)
        case ["absent", *_]:
            return f"{node.name} is not drained: cluster {node.cluster} does not have it yet"
        case ["not-drained", why]:
            hint = "see to it that its pods may go elsewhere, and try again"
            raise NotDrained(f"could not be emptied within {seconds} s: {why}", where=node.name, hint=hint)
        case ["still-closed", why]:
            hint = f"kubectl uncordon {node.name}"
            raise NotDrained(f"could not be emptied, and is closed still: {why}", where=node.name, hint=hint)
    raise NotDrained(f"what became of it is not known: {listed(verdict)}", where=node.name)


def _open(closed: Drained, reach: Callable[[str], Shell], *, is_rebooted: bool, seconds: int) -> None:
    boot = closed.boot_id if is_rebooted else ""
    verdict = _asked("open", closed.node, reach, {"RUN": "any", "BOOT": boot}, seconds)
    if verdict[0] != "opened":
        raise NotOpened(verdict[-1], where=closed.node.name)


def _asked(
    action: str, node: Node, reach: Callable[[str], Shell], values: dict[str, str], seconds: int
) -> Sequence[str]:
    """Ask one server after the other, until one has an answer; raises the last one's failure if none has."""
    given = {
        "ACTION": action,
        "NODE": plain_name(node.name),
        "DISTRIBUTION": node.distribution,
        "PATIENCE": str(seconds),
        **values,
    }
    silence: HostFailed = Unreachable(f"no server of cluster {node.cluster} answers", where=node.name)
    for server in node.servers:
        try:
            shell = reach(server)
        except HostFailed as error:
            silence = silence if isinstance(silence, _BrokeOff) else error
            continue
        try:
            with closing(shell):
                done = shell.run(with_values(given, host_script("drain.sh")), timeout=2 * seconds + _ANSWER)
        except HostFailed as error:
            silence = _BrokeOff(f"{server} {error.what}", where=server)
            continue
        verdict = verdict_of(done)
        if verdict and verdict[0] != "unavailable":
            return verdict
        if not isinstance(silence, _BrokeOff):
            reason = verdict[-1] if verdict else last_words(done)
            silence = _NoAnswer(f"{server} cannot ask cluster {node.cluster}: {reason}", where=server)
    raise silence
