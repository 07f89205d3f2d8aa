"""`pyhomelab` that is killed at a moment of its work on a host: `python -m tests.lab.killed MOMENT HOST ARGUMENT…`.

It kills itself by SIGKILL, so nothing of it is left at exactly that moment. What it does until then is its own.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from pyhomelab.cli.main import main
from pyhomelab.deployment import probation, turn
from pyhomelab.deployment.journal import Journal
from pyhomelab.process import Children
from pyhomelab.trials import comeback, watch
from pyhomelab.trials.trial import Phase

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyhomelab.trials.trial import State, Trial

MOMENTS = (
    "before the copy begins",
    "as the copy begins",
    "while it is copied",
    "as the copy ends",
    "after the copy",
    "before the trial begins",
    "as the trial begins",
    "when the host has its order",
    "while the system is activated",
    "before it is confirmed",
    "when it is confirmed",
    "as the trial ends",
    "after the trial",
)
REBOOTS = (
    "before the reboot begins",
    "as the reboot begins",
    "while it reboots",
    "before it is proven",
    "when it is proven",
    "as the reboot ends",
    "after the reboot",
)
_NAMES = {"copy": "copy", "activate": "trial", "reboot": "reboot"}


def die(*_: object) -> None:
    """End at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def nothing(*_: object) -> None:
    """Let it be."""


def surround(
    owner: object, name: str, before: Callable[..., object] = nothing, after: Callable[..., object] = nothing
) -> None:
    """Do something before or after a function; it hears the arguments, after it also what came out."""
    function = getattr(owner, name)

    def surrounded(*arguments: Any, **named: Any) -> Any:
        before(*arguments)
        result = function(*arguments, **named)
        after(result, *arguments)
        return result

    setattr(owner, name, surrounded)


class Deadly:
    """Patches the program so that it dies at its moment."""

    def __init__(self, moment: str, host: str) -> None:
        self.moment, self.host = moment, host
        self.entries: dict[int, str] = {}
        self.is_copying = False

    def at(self, moment: str, host: str) -> None:
        """Be at a moment of the work on a host."""
        if (moment, host) == (self.moment, self.host):
            die()

    def patch(self) -> None:
        """Put the moments in."""
        surround(Journal, "begin", self.begins, self.began)
        surround(Journal, "end", self.ends, self.ended)
        surround(Children, "_start", after=self.started)
        surround(turn, "arm", after=lambda _, __, trial: self.of("when the host has its order", trial))
        surround(
            probation,
            "acknowledge",
            lambda _, trial: self.of("before it is confirmed", trial),
            lambda _, __, trial: self.of("when it is confirmed", trial),
        )
        surround(watch, "state", after=self.seen)
        surround(comeback, "begin", after=lambda _, __, trial: self.of("while it reboots", trial))
        surround(
            comeback,
            "prove",
            lambda _, trial: self.of("before it is proven", trial),
            lambda _, __, trial: self.of("when it is proven", trial),
        )

    def of(self, moment: str, trial: Trial) -> None:
        """Be at a moment of a trial."""
        self.at(moment, trial.host)

    def begins(self, journal: Journal, run: str, host: str, stage: str, *_: object) -> None:
        """Before a stage is in the journal."""
        del journal, run
        self.at(f"before the {_NAMES[stage]} begins", host)

    def began(self, entry: int, journal: Journal, run: str, host: str, stage: str, *_: object) -> None:
        """When a stage is in the journal."""
        del journal, run
        self.entries[entry] = f"{stage} {host}"
        self.is_copying = self.is_copying or (stage, host) == ("copy", self.host)
        self.at(f"as the {_NAMES[stage]} begins", host)

    def ends(self, journal: Journal, entry: int, *_: object) -> None:
        """Before the end of a stage is in the journal."""
        del journal
        stage, host = self.entries[entry].split()
        self.at(f"as the {_NAMES[stage]} ends", host)

    def ended(self, _: None, journal: Journal, entry: int, *__: object) -> None:
        """When the end of a stage is in the journal."""
        del journal
        stage, host = self.entries[entry].split()
        self.at(f"after the {_NAMES[stage]}", host)

    def started(self, _: object, children: Children, argv: list[str], *__: object) -> None:
        """When a program was started."""
        del children
        if self.is_copying and f"ssh-ng://{self.host}" in argv:
            self.at("while it is copied", self.host)

    def seen(self, state: State, _: object, trial: Trial) -> None:
        """When a host said how a trial stands."""
        if state.phase is Phase.TESTING:
            self.of("while the system is activated", trial)


if __name__ == "__main__":
    Deadly(sys.argv[1], sys.argv[2]).patch()
    main(sys.argv[3:])
