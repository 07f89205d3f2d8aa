"""Why a host does not try a system, or does not reboot into one: it was left as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.errors import HostFailed
from pyhomelab.shell.script import last_words
from pyhomelab.text.wording import lasting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyhomelab.shell import Done


class NotArmed(HostFailed):
    """The host was left as it is: something speaks against trying the system on it now."""

    kind = "refused"


class Locked(NotArmed):
    """Somebody else deploys to the host."""


class Collected(NotArmed):
    """The system is not on the host any more, if it ever was: bring it there and try again."""


class HostChanged(NotArmed):
    """The host runs another system than the one that the plan was made for."""


def refusal(host: str, verdict: Sequence[str], done: Done, *, planned: str, doing: str) -> NotArmed:
    """Make of a script's verdict what a person reads: the host should run what was `planned`; it was about `doing`."""
    match verdict:
        case ["held", run, who, since, seconds]:
            age = lasting(int(seconds)) if seconds.isdecimal() else "a while"
            return Locked(
                f"{who or 'somebody'} deploys to it, since {since} ({age} ago, run {run})",
                where=host,
                hint="wait until that has ended; the host ends it by itself if need be",
            )
        case ["moved", current]:
            return HostChanged(f"runs {current} by now, {planned}", where=host, hint="make a new plan")
        case ["collected", system]:
            return Collected(f"does not have {system}", where=host, hint="copy it there again")
        case ["no-system", system]:
            return NotArmed(f"{system} is no NixOS system", where=host)
        case ["lacks", tool]:
            return NotArmed(f"its system has no {tool}, without which it could not bring itself back", where=host)
        case ["failed", why]:
            return NotArmed(f"cannot {doing}: {why}", where=host)
    return NotArmed(f"gave no answer when it was to {doing} (exit {done.exit_code}): {last_words(done)}", where=host)
