"""What a check is: a script that a machine is asked to run, and what is known about it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from textwrap import dedent
from typing import Literal

Role = Literal["base", "network", "zfs", "drbd", "kvm", "k3s", "kubeadm", "declared"]

NOT_JUDGED = 69
"""Exit code of a script that cannot tell here: what it asks about, or asks with, is not there (EX_UNAVAILABLE)."""
NOT_HERE = 68
"""Exit code of a script that cannot tell here because what it asks about may well be elsewhere (EX_NOHOST)."""


@dataclass(frozen=True, slots=True)
class Check:
    """Something that holds on a machine that is well.

    `name` says it, and no other check of the machine has the same. `script` is POSIX sh, run as root on the machine;
    it ends with 0 if that holds, with NOT_JUDGED or NOT_HERE if it cannot tell, with anything else if it does not hold,
    and what it printed last is the reason. `patience` is how many seconds it may take to come true, `limit` after how
    many one run of the script is ended. `mend` says what to do, with the command to type. `about` is the cluster or the
    volume. A `deep` one is about what goes wrong over weeks, so that a deploy does not wait for it.
    """

    name: str
    role: Role
    script: str
    patience: int
    mend: str
    about: str = ""
    limit: int = 20
    deep: bool = False


def script(text: str, *, needs: tuple[str, ...] = (), **values: str) -> str:
    """Make a script of a text in POSIX sh: `values` are its variables; without what it `needs` it does not judge."""
    lines = ["export LC_ALL=C", *(f"{name}={shlex.quote(value)}" for name, value in values.items())]
    lines += [
        f"command -v {need} >/dev/null || {{ echo 'there is no {need} here'; exit {NOT_JUDGED}; }}" for need in needs
    ]
    return "\n".join([*lines, dedent(text).strip(), ""])
