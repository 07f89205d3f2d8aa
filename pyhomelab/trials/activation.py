"""A system that is on a host → the system that it runs and boots, or the old one again.

The host decides by itself: a supervisor there (`host/supervisor.sh`) tries the system and goes back unless it hears
a token in time, which whoever armed it sends over a new connection. All that is done from here may fail at any moment;
then the host goes back, and says so to whoever asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.shell.script import host_script, last_words, plain_name, plain_path, verdict_of, with_values
from pyhomelab.trials.orders import leave_word, order_values, reason_in_a_line
from pyhomelab.trials.refusals import NotArmed, refusal
from pyhomelab.trials.trial import state_of

if TYPE_CHECKING:
    from pyhomelab.shell import Shell
    from pyhomelab.trials.trial import State, Trial

_ANSWER = 60


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
    run, path = plain_name(run_id), plain_path(system)
    script = f"""{{
        umask 077
        mkdir -p /run/pyhomelab/{run} /nix/var/nix/gcroots/pyhomelab/{run} &&
        ln -sfn {path} /run/pyhomelab/{run}/new &&
        ln -sfn /run/pyhomelab/{run}/new /nix/var/nix/gcroots/pyhomelab/{run}/new
    }} </dev/null
    """
    done = shell.run(script, timeout=_ANSWER)
    if done.exit_code != 0:
        raise NotArmed(f"cannot keep {system} from the garbage collector: {last_words(done)}", where=host)


def forget(shell: Shell, run_id: str) -> None:
    """Let the garbage collector have what was kept for a run that never got to its trial here."""
    run = plain_name(run_id)
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
    values = order_values(trial) | {
        "PROBATION_SECONDS": str(order.probation_seconds),
        "LONGEST": str(order.longest),
        "SUPERVISOR": host_script("supervisor.sh"),
    }
    done = shell.run(with_values(values, host_script("arm.sh")), timeout=_ANSWER)
    verdict = verdict_of(done)
    match verdict:
        case ["armed", boot_id]:
            return Armed(trial, boot_id)
    raise refusal(trial.host, verdict, done, planned=f"not {order.old}", doing="supervise the new system")


def state(shell: Shell, trial: Trial) -> State:
    """Ask how a trial stands; raises NoAnswer if the host talks nonsense."""
    values = {"RUN": plain_name(trial.run_id), "PROFILE": plain_path(trial.order.profile)}
    return state_of(trial.host, shell.run(with_values(values, host_script("trial.sh")), timeout=_ANSWER))


def acknowledge(new_shell: Shell, trial: Trial) -> None:
    """Say that all is well. The shell must be of a connection made after the activation: an older one proves nothing.

    Whether the host heard it in time is known when the trial has ended.
    """
    leave_word(new_shell, trial, _place(trial), "token", trial.token)


def abort(shell: Shell, trial: Trial, reason: str) -> None:
    """Have the host go back now, and say why."""
    leave_word(shell, trial, _place(trial), "abort", reason_in_a_line(reason))


def hold(shell: Shell, trial: Trial) -> None:
    """Keep a host whose way back failed from restarting: it can be reached, so a person can help it."""
    leave_word(shell, trial, _place(trial), "hold", "held")


def _place(trial: Trial) -> str:
    return f"/run/pyhomelab/{plain_name(trial.run_id)}"
