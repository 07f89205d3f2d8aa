"""The secrets of a lab as files, in `secrets` beside the inventory.

<name>.yaml        a secret, encrypted for the admins and exactly the machines that need it
<name>.pub         the public half of a key pair
hosts/<host>.pub   a machine's public host key, without which nothing can be encrypted for it
ssh-host-<host>.yaml   its private half, for the admins alone, where that was made before the machine was installed
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.errors import Refused
from pyhomelab.premises import Premises
from pyhomelab.secrets.deposit import text_of
from pyhomelab.secrets.needed import host_key_of, host_keys_of, secrets_of
from pyhomelab.secrets.recipients import Readers, admin_recipients, host_recipient
from pyhomelab.secrets.sops import decrypt, recipients_of
from pyhomelab.text.wording import listed

if TYPE_CHECKING:
    from pathlib import Path

    from pyhomelab.model import Inventory
    from pyhomelab.secrets.needed import Secret


@dataclass(frozen=True, slots=True)
class Kept:
    """A secret as it lies there: its file, and the recipients that can open it; None if it is not encrypted."""

    secret: Secret
    file: Path
    recipients: tuple[str, ...] | None
    is_there: bool
    lacks_public: bool


def secrets_directory(inventory: Path) -> Path:
    """Give the directory of the secrets of an inventory, which is a file or a directory."""
    return (inventory if inventory.is_dir() else inventory.parent) / "secrets"


def host_key_file(directory: Path, machine: str) -> Path:
    """Give the file in which a machine's public host key is looked for."""
    return directory / "hosts" / f"{machine}.pub"


def readers_of(inventory: Inventory, directory: Path) -> Readers:
    """Learn the keys of admins and machines; raises Refused if the file of a machine holds no host key."""
    admins = {admin.name: admin_recipients(admin.ssh_keys, admin.age_keys) for admin in inventory.lab.admins}
    machines = {}
    for machine in (*inventory.hosts, *inventory.guests):
        text = text_of(host_key_file(directory, machine))
        if text is not None:
            machines[machine] = _host_recipient(text, directory, machine)
    others = [file for file in directory.glob("hosts/[!.]*.pub") if file.stem not in machines]
    former = {file.stem: key for file in others if (key := host_recipient(text_of(file) or "")) is not None}
    return Readers(admins, machines, former)


def refuse_without_admins(readers: Readers) -> None:
    """Raise Refused if no admin has a key that age can encrypt to."""
    if not any(readers.admins.values()):
        raise Refused(
            f"no admin has a key that secrets can be encrypted for ({listed(readers.admins)})",
            where="lab.admins",
            hint="`pyhomelab secret init --age` makes an age key; ssh-ed25519 and ssh-rsa keys do, too",
        )


def _host_recipient(text: str, directory: Path, machine: str) -> str:
    recipient = host_recipient(text)
    if recipient is None:
        raise Refused(
            "is not one line with an ssh-ed25519 public key",
            where=str(host_key_file(directory, machine)),
            hint=f"copy /etc/ssh/ssh_host_ed25519_key.pub of {machine} there",
        )
    return recipient


def secrets_needed(inventory: Inventory, directory: Path) -> list[Secret]:
    """List what is to lie in the directory: host keys first, but of machines that have made their own."""
    host_keys = [key for key in host_keys_of(inventory) if _is_ours(key, directory)]
    return [*host_keys, *secrets_of(inventory)]


def _is_ours(key: Secret, directory: Path) -> bool:
    """Whether a host key is the lab's to make, or was made here; else the machine has one that it made itself."""
    return file_of(key, directory).exists() or not host_key_file(directory, key.owner).exists()


def file_of(secret: Secret, directory: Path) -> Path:
    """Give the file of a secret, whether it is there or not."""
    return directory / f"{secret.name}.yaml"


def opened(secret: Secret, directory: Path) -> str:
    """Open a secret with the keys of whoever runs this, as `sops.decrypt` finds them and says what it raises.

    Nothing but the caller sees the value: it comes through a pipe, and is in no message.
    """
    file = file_of(secret, directory)
    text = text_of(file)
    if text is None:
        raise Refused(f"is not there ({secret.used_for})", where=str(file), hint=f"`{secret.made_by}` makes it")
    if recipients_of(text) is None:
        raise Refused("is not encrypted by sops", where=str(file), hint="count its value as known")
    return decrypt(file, Premises(directory.parent).admin_key)


def kept(secret: Secret, directory: Path) -> Kept:
    """See whether a secret is there, and who can open it."""
    file = file_of(secret, directory)
    text = text_of(file)
    found = recipients_of(text) if text is not None else None
    lacks_public = text is not None and secret.public is not None and not (directory / secret.public).exists()
    return Kept(secret, file, tuple(found) if found is not None else None, text is not None, lacks_public)


def strays(inventory: Inventory, directory: Path) -> list[str]:
    """Name the secrets that lie there and are not needed any more: encrypted files, and host keys of no machine."""
    needed = {file_of(secret, directory) for secret in [*secrets_of(inventory), *host_keys_of(inventory)]}
    files = [file for file in directory.glob("[!.]*.yaml") if file not in needed]
    encrypted = [file.stem for file in files if (text := text_of(file)) is not None and recipients_of(text) is not None]
    machines = {*inventory.hosts, *inventory.guests}
    host_keys = [file.stem for file in directory.glob("hosts/[!.]*.pub") if file.stem not in machines]
    return sorted({*encrypted, *(host_key_of(machine).name for machine in host_keys)})
