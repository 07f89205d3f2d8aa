"""A system that is on a host → the system that it booted, or the old one again.

The host decides by itself, as for a system on trial: whoever began the reboot may die, and the network stay away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.errors import HostFailed
from pyhomelab.shell.script import (
    host_script,
    last_words,
    plain_name,
    plain_path,
    rows_of,
    verdict_of,
    with_values,
)
from pyhomelab.state.hoststate import NoAnswer
from pyhomelab.trials.orders import leave_word, order_values, reason_in_a_line
from pyhomelab.trials.reboots import reboot_state_of
from pyhomelab.trials.refusals import refusal

if TYPE_CHECKING:
    from pyhomelab.shell import Shell
    from pyhomelab.trials.reboots import RebootState
    from pyhomelab.trials.trial import Trial

_DIRECTORY = "/var/lib/pyhomelab/proof"
_UNIT = "pyhomelab-proof.service"
_ANSWER = 60
_SHUTDOWN = 600


@dataclass(frozen=True, slots=True)
class Begun:
    """A reboot that a host has begun, in the boot of that id."""

    trial: Trial
    boot_id: str


def has_second_chance(shell: Shell, host: str) -> bool:
    """Ask whether a host's boot loader can start a system only once; else nothing brings a host back that hangs early.

    Raises NoAnswer if the host talks nonsense.
    """
    done = shell.run(host_script("second-chance.sh"), timeout=_ANSWER)
    rows = rows_of(done)
    if rows is None or not rows["loader"]:
        raise NoAnswer(f"did not say what its boot loader is: {last_words(done)}", where=host)
    return rows["loader"][0] in (["systemd-boot"], ["grub"])


def begin(shell: Shell, trial: Trial) -> Begun:
    """Have a host boot the new system of a trial; said again, it changes nothing.

    The host may run the old system (the new one is booted instead of tried) or the new one (a reboot brings its
    kernel). With the same system for both it is only restarted. Raises NotArmed, and leaves the host as it is, if
    something speaks against it.
    """
    order = trial.order
    values = order_values(trial) | {
        "PROOF_SECONDS": str(order.probation_seconds),
        "LONGEST": str(8 * order.activation_seconds + _SHUTDOWN),
        "PROOF": host_script("proof.sh"),
    }
    done = shell.run(with_values(values, host_script("reboot.sh")), timeout=_ANSWER)
    verdict = verdict_of(done)
    match verdict:
        case ["begun", boot_id]:
            return Begun(trial, boot_id)
    planned = f"neither {order.old} nor {order.new}"
    raise refusal(trial.host, verdict, done, planned=planned, doing="be rebooted with a way back")


def reboot_state(shell: Shell, host: str, run_id: str, profile: str) -> RebootState:
    """Ask how a reboot stands or ended, whoever began it; raises NoAnswer if the host talks nonsense."""
    values = {"RUN": plain_name(run_id), "PROFILE": plain_path(profile)}
    return reboot_state_of(host, shell.run(with_values(values, host_script("proof-state.sh")), timeout=_ANSWER))


def prove(new_shell: Shell, trial: Trial) -> None:
    """Say that all is well, over a connection made after the reboot: the new system becomes the default."""
    leave_word(new_shell, trial, _DIRECTORY, "token", trial.token)


def abandon(shell: Shell, trial: Trial, reason: str) -> None:
    """Have the host reboot into the old system now, and say why."""
    leave_word(shell, trial, _DIRECTORY, "abort", reason_in_a_line(reason))


def decide_there(shell: Shell, host: str) -> None:
    """Start what decides on the host, where the booted system did not do that by itself."""
    script = f"""{{
        systemctl start {_UNIT} 2>/dev/null ||
            systemd-run --quiet --collect --no-ask-password --unit={_UNIT} --property=RefuseManualStop=yes \\
                --property=IgnoreOnIsolate=yes --property=Restart=on-failure \\
                /bin/sh {_DIRECTORY}/proof.sh {_DIRECTORY}
    }} </dev/null
    """
    done = shell.run(script, timeout=_ANSWER)
    if done.exit_code != 0:
        raise HostFailed(f"does not decide about the system that it booted: {last_words(done)}", where=host)
