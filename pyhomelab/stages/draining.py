"""A Kubernetes node in use → the same node, empty and closed to new pods; and back.

Asked of a server of its cluster that stays up. Only what was closed here is opened again: a node that a person had
cordoned stays so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyhomelab.drains import Node
from pyhomelab.errors import HostFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pyhomelab.shell import Shell

DRAIN_SECONDS = 300
READY_SECONDS = 300


class NotDrained(HostFailed):
    """A node could not be emptied: it is open again, and its machine must not be rebooted."""

    kind = "not drained"


class NotOpened(HostFailed):
    """A node that was closed for a reboot is closed still."""

    kind = "cordoned"


@dataclass(frozen=True, slots=True)
class Drained:
    """A node that is empty; `is_ours` if it was open before, `boot_id` is the one that Kubernetes knew it by."""

    node: Node
    is_ours: bool
    boot_id: str


@dataclass(frozen=True, slots=True)
class Drains:
    """The nodes that were emptied for a machine, and what has to be said of those that nobody could be asked for."""

    drained: tuple[Drained, ...] = ()
    said: tuple[str, ...] = field(default=())


def drain(nodes: Sequence[Node], run_id: str, reach: Callable[[str], Shell], *, seconds: int = DRAIN_SECONDS) -> Drains:
    """Empty nodes one after the other; `reach` opens a shell of root on a server.

    Raises NotDrained, with the reason, after opening all of them again, if one could not be emptied in `seconds`.
    """
    raise NotImplementedError


def open_again(
    drains: Drains, reach: Callable[[str], Shell], *, is_rebooted: bool, seconds: int = READY_SECONDS
) -> None:
    """Open the nodes that were closed, each when it is ready; after a reboot that is when it has booted again.

    Raises NotOpened, after having opened all others, if one is not ready in `seconds`.
    """
    raise NotImplementedError
