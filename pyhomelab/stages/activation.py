"""A system that is on a host → the system that it runs and boots, or the old one again.

The host decides by itself: a supervisor there (`host/supervisor.sh`) tries the system and goes back unless it hears
a token in time, which whoever armed it sends over a new connection. All that is done from here may fail at any moment;
then the host goes back, and says so to whoever asks.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from pyhomelab.errors import HostFailed
from pyhomelab.trial import state_of
from pyhomelab.wording import harmless, lasting

if TYPE_CHECKING:
    from pyhomelab.shell import Done, Shell
    from pyhomelab.trial import Order, State, Trial

_HOST = files("pyhomelab").joinpath("host")
_SUPERVISOR = _HOST.joinpath("supervisor.sh").read_text(encoding="utf-8")
_ARM = _HOST.joinpath("arm.sh").read_text(encoding="utf-8")
_TRIAL = _HOST.joinpath("trial.sh").read_text(encoding="utf-8")
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_PATH = re.compile(r"/[A-Za-z0-9+._?=/-]+")
_ANSWER = 60


class NotArmed(HostFailed):
    """The host was left as it is: something speaks against trying the system on it now."""

    kind = "refused"


class Locked(NotArmed):
    """Somebody else deploys to the host."""


class Collected(NotArmed):
    """The system is not on the host any more, if it ever was: bring it there and try again."""


class HostChanged(NotArmed):
    """The host runs another system than the one that the plan was made for."""


@dataclass(frozen=True, slots=True)
class Armed:
    """A trial that a host has begun, in the boot of that id."""

    trial: Trial
    boot_id: str


def keep(shell: Shell, host: str, run_id: str, system: str) -> None:
    """Keep a system on a host from the garbage collector until the run ends or the host reboots.

    Best said before the system is copied there; then no moment is left in which it could be collected. The shell is
    root's, as for all that follows. Raises NotArmed if that cannot be written down.
    """
    run, path = _run(run_id), _path(system)
    script = f"""{{
        umask 077
        mkdir -p /run/pyhomelab/{run} /nix/var/nix/gcroots/pyhomelab/{run} &&
        ln -sfn {path} /run/pyhomelab/{run}/new &&
        ln -sfn /run/pyhomelab/{run}/new /nix/var/nix/gcroots/pyhomelab/{run}/new
    }} </dev/null
    """
    done = shell.run(script, timeout=_ANSWER)
    if done.exit_code != 0:
        raise NotArmed(f"cannot keep {system} from the garbage collector: {_said(done)}", where=host)


def forget(shell: Shell, run_id: str) -> None:
    """Let the garbage collector have what was kept for a run that never got to its trial here."""
    run = _run(run_id)
    shell.run(
        f"{{ [ -e /run/pyhomelab/{run}/order ] ||"
        f" rm -rf /run/pyhomelab/{run} /nix/var/nix/gcroots/pyhomelab/{run}; }} </dev/null\n",
        timeout=_ANSWER,
    )


def arm(shell: Shell, trial: Trial) -> Armed:
    """Have a host try a system by itself; said again, it changes nothing.

    Raises NotArmed, and leaves the host as it is, if something speaks against it.
    """
    order = trial.order
    values = {
        "RUN": _run(trial.run_id),
        "OLD": _path(order.old),
        "NEW": _path(order.new),
        "PROFILE": _path(order.profile),
        "HOLDER": " ".join(harmless(trial.holder).split()),
        "TOKEN_SHA256": hashlib.sha256(trial.token.encode()).hexdigest(),
        "ACTIVATION_SECONDS": str(order.activation_seconds),
        "PROBATION_SECONDS": str(order.probation_seconds),
        "LONGEST": str(order.longest),
        "SUPERVISOR": _SUPERVISOR,
    }
    done = shell.run(_with(values, _ARM), timeout=_ANSWER)
    verdicts = [line.split("\t")[1:] for line in done.stdout.split("\n") if line.startswith("verdict\t")]
    verdict = [harmless(word) for word in verdicts[-1]] if verdicts else [""]
    match verdict:
        case ["armed", boot_id]:
            return Armed(trial, boot_id)
        case ["held", run, who, since, seconds]:
            age = lasting(int(seconds)) if seconds.isdecimal() else "a while"
            raise Locked(
                f"{who or 'somebody'} deploys to it, since {since} ({age} ago, run {run})",
                where=trial.host,
                hint="wait until that has ended; the host ends it by itself if need be",
            )
        case ["moved", current]:
            raise HostChanged(f"runs {current} by now, not {order.old}", where=trial.host, hint="make a new plan")
        case ["collected"]:
            raise Collected(f"does not have {order.new}", where=trial.host, hint="copy it there again")
    raise NotArmed(_reason(verdict, order, done), where=trial.host)


def _reason(verdict: list[str], order: Order, done: Done) -> str:
    match verdict:
        case ["no-system"]:
            return f"{order.new} is no NixOS system"
        case ["lacks", tool]:
            return f"its system has no {tool}, without which it could not bring itself back"
        case ["failed", why]:
            return f"cannot supervise the new system: {why}"
    return f"gave no answer when the new system was to be tried (exit {done.exit_code}): {_said(done)}"


def state(shell: Shell, trial: Trial) -> State:
    """Ask how a trial stands; raises NoAnswer if the host talks nonsense."""
    values = {"RUN": _run(trial.run_id), "PROFILE": _path(trial.order.profile)}
    return state_of(trial.host, shell.run(_with(values, _TRIAL), timeout=_ANSWER))


def acknowledge(new_shell: Shell, trial: Trial) -> None:
    """Say that all is well. The shell must be of a connection made after the activation: an older one proves nothing.

    Whether the host heard it in time is known when the trial has ended.
    """
    _leave(new_shell, trial, "token", trial.token)


def abort(shell: Shell, trial: Trial, reason: str) -> None:
    """Have the host go back now, and say why."""
    _leave(shell, trial, "abort", " ".join(harmless(reason).split())[:200])


def hold(shell: Shell, trial: Trial) -> None:
    """Keep a host whose way back failed from restarting: it can be reached, so a person can help it."""
    _leave(shell, trial, "hold", "held")


def _leave(shell: Shell, trial: Trial, file: str, text: str) -> None:
    """Put a file beside the order, whole or not at all; a trial that is not there misses nothing."""
    directory = f"/run/pyhomelab/{_run(trial.run_id)}"
    place = f"{directory}/{file}"
    script = f"""{{
        umask 077
        if [ -e {directory}/order ]; then
            printf '%s' {shlex.quote(text)} >{place}.new && mv -f {place}.new {place}
        fi
    }} </dev/null
    """
    done = shell.run(script, timeout=_ANSWER)
    if done.exit_code != 0:
        raise HostFailed(f"could not be told: {_said(done)}", where=trial.host)


def _with(values: dict[str, str], script: str) -> str:
    """Put a script's values before it; only the order's token is missing there, which the host must not know."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items()) + script


def _run(run_id: str) -> str:
    if not _RUN.fullmatch(run_id):
        raise ValueError(run_id)
    return run_id


def _path(path: str) -> str:
    if not _PATH.fullmatch(path):
        raise ValueError(path)
    return path


def _said(done: Done) -> str:
    lines = [line.strip() for line in harmless(f"{done.stderr}\n{done.stdout}").split("\n") if line.strip()]
    return lines[-1] if lines else f"exit {done.exit_code}"
