"""What a host is told of a trial: the order itself, and words that are left beside it for what decides there."""

from __future__ import annotations

import hashlib
import shlex
from typing import TYPE_CHECKING

from pyhomelab.errors import HostFailed
from pyhomelab.shell.script import last_words, plain_name, plain_path
from pyhomelab.text.wording import harmless

if TYPE_CHECKING:
    from pyhomelab.shell import Shell
    from pyhomelab.trials.trial import Trial

_ANSWER = 60
_MOST_LETTERS = 200


def order_values(trial: Trial) -> dict[str, str]:
    """Give what every script that carries out an order has to know; of its word only the hash."""
    order = trial.order
    return {
        "RUN": plain_name(trial.run_id),
        "OLD": plain_path(order.old),
        "NEW": plain_path(order.new),
        "PROFILE": plain_path(order.profile),
        "HOLDER": " ".join(harmless(trial.holder).split()),
        "TOKEN_SHA256": hashlib.sha256(trial.token.encode()).hexdigest(),
        "ACTIVATION_SECONDS": str(order.activation_seconds),
    }


def reason_in_a_line(reason: str) -> str:
    """Give a reason as a file for a shell holds it."""
    return " ".join(harmless(reason).split())[:_MOST_LETTERS]


def leave_word(shell: Shell, trial: Trial, directory: str, file: str, text: str) -> None:
    """Put a file beside the order of a trial, whole or not at all; where that is no more, it is missed by nobody."""
    place = f"{directory}/{file}"
    script = f"""{{
        umask 077
        if grep -qxF 'RUN={plain_name(trial.run_id)}' {directory}/order; then
            printf '%s' {shlex.quote(text)} >{place}.new && mv -f {place}.new {place}
        fi
    }} </dev/null
    """
    done = shell.run(script, timeout=_ANSWER)
    if done.exit_code != 0:
        raise HostFailed(f"could not be told: {last_words(done)}", where=trial.host)
