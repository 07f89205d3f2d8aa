"""What the user's own known_hosts has of a machine, and forgetting it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.process import CommandFailed, run

if TYPE_CHECKING:
    from collections.abc import Iterable

_NEEDS = "it reads known_hosts; install OpenSSH's client"


def known_hosts() -> Path:
    """Give the file in which ssh keeps the host keys that its user has accepted."""
    return Path("~/.ssh/known_hosts").expanduser()


def known(names: Iterable[str], file: Path) -> list[str]:
    """Give those of the names and addresses that a known_hosts file has a key for, hashed or not."""
    return [name for name in dict.fromkeys(names) if file.is_file() and _has(name, file)]


def _has(name: str, file: Path) -> bool:
    try:
        return bool(run(["ssh-keygen", "-F", name, "-f", str(file)], doing=f"looking for {name}", needs=_NEEDS).stdout)
    except CommandFailed:  # it ends with 1 when it finds nothing
        return False


def forget(names: Iterable[str], file: Path) -> None:
    """Take names and addresses out of a known_hosts file; what it was stays beside it, as `known_hosts.old`."""
    for name in names:
        run(["ssh-keygen", "-R", name, "-f", str(file)], doing=f"taking {name} out of {file}", needs=_NEEDS)
