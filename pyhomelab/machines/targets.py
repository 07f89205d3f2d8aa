"""Inventory → the machines as ssh sees them: where each is, who logs in, and the host key that it must show.

The host keys are pinned in `secrets/hosts/<machine>.pub`, from which secrets are encrypted for the machine too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.decide.overview import Overview
from pyhomelab.errors import Refused
from pyhomelab.secrets.recipients import host_recipient
from pyhomelab.secrets.vault import host_key_file, secrets_directory

if TYPE_CHECKING:
    from pathlib import Path

    from pyhomelab.model import Inventory, Ssh


@dataclass(frozen=True, slots=True)
class Target:
    """A machine of the lab, host or guest, as something to log in to.

    `ssh` is what the inventory states; for the rest the user's ssh_config is asked, and `address` holds if that says
    nothing either. `host_key` is the pinned key (`ssh-ed25519 AAAA…`) in `key_file`, None while there is none.
    """

    name: str
    address: str
    ssh: Ssh
    host_key: str | None
    key_file: Path
    system: str
    tags: tuple[str, ...]


def targets(inventory: Inventory, path: Path) -> dict[str, Target]:
    """Give the machines of an inventory that was read from `path`, hosts first.

    Raises Refused if the file for a pinned key holds something else.
    """
    overview, directory = Overview(inventory), secrets_directory(path)
    return {name: _target(overview, directory, name) for name in (*inventory.hosts, *inventory.guests)}


def _target(overview: Overview, directory: Path, name: str) -> Target:
    machine = overview.machine(name)
    host = overview.inventory.hosts[overview.placement.get(name, name)]
    file = host_key_file(directory, name)
    # a machine with nothing but DHCP is known to the resolver by its name, or not at all
    address = overview.addresses.get(name, name)
    return Target(name, address, machine.ssh, _pinned(file, name), file, host.system, machine.tags)


def _pinned(file: Path, name: str) -> str | None:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(f"cannot be read: {(error.strerror or str(error)).lower()}", where=str(file)) from None
    if host_recipient(text) is None:
        raise Refused(
            "is not one line with an ssh-ed25519 public key",
            where=str(file),
            hint=f"copy /etc/ssh/ssh_host_ed25519_key.pub of {name} there",
        )
    return " ".join(text.split()[:2])
