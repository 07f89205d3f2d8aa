"""The secrets of a lab as files, in `secrets` beside the inventory.

<name>.yaml        a secret, encrypted for the admins and exactly the machines that need it
<name>.pub         the public half of a key pair
hosts/<host>.pub   a machine's public host key, without which nothing can be encrypted for it
ssh-host-<host>.yaml   its private half, for the admins alone, where that was made before the machine was installed
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.deposit import Deposit, deposit, text_of
from pyhomelab.errors import Refused
from pyhomelab.fresh import fresh
from pyhomelab.recipients import Readers, admin_recipients, host_recipient
from pyhomelab.secrets import host_keys_of, secrets_of
from pyhomelab.sops import decrypt, encrypt, recipients_of
from pyhomelab.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pyhomelab.fresh import Fresh
    from pyhomelab.model import Inventory
    from pyhomelab.secrets import Secret


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
    admins = {admin.name: admin_recipients(admin.ssh_keys) for admin in inventory.lab.admins}
    machines = {}
    for machine in (*inventory.hosts, *inventory.guests):
        text = text_of(host_key_file(directory, machine))
        if text is not None:
            machines[machine] = _host_recipient(text, directory, machine)
    return Readers(admins, machines)


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
    """Open a secret with the keys of whoever runs this, as sops finds them (`sops.decrypt` says what is raised).

    Nothing but the caller sees the value: it comes through a pipe, and is in no message.
    """
    file = file_of(secret, directory)
    if not file.exists():
        hint = f"`pyhomelab secret generate {secret.name}` makes it"
        raise Refused(f"is not there ({secret.used_for})", where=str(file), hint=hint)
    return decrypt(file)


def kept(secret: Secret, directory: Path) -> Kept:
    """See whether a secret is there, and who can open it."""
    file = file_of(secret, directory)
    text = text_of(file)
    found = recipients_of(text) if text is not None else None
    lacks_public = text is not None and secret.public is not None and not (directory / secret.public).exists()
    return Kept(secret, file, tuple(found) if found is not None else None, text is not None, lacks_public)


def generate(secrets: Iterable[Secret], directory: Path, readers: Readers, *, force: bool) -> list[Path]:
    """Make new values for secrets and write them, encrypted, for machines with new host keys too; gives the files.

    Raises Refused, before anything is written, if one is there already (unless `force`) or no admin could read them.
    """
    wanted = list(secrets)
    if not any(readers.admins.values()):
        raise Refused(
            f"no admin has a key that secrets can be encrypted for ({listed(readers.admins)})",
            where="lab.admins",
            hint="add an ssh-ed25519 or ssh-rsa key; keys of other types cannot decrypt",
        )
    if not force:
        _refuse_to_replace(wanted, directory)
    made = {secret: fresh(secret) for secret in wanted}
    readers = _with_new_hosts(readers, made)
    files: dict[Path, str] = {}
    for secret, new in made.items():
        # The private half comes first: without it the public one is of no use, and can be made from it.
        files[file_of(secret, directory)] = encrypt(secret.name, new.value, readers.called_for(secret))
        if secret.public is not None and new.public is not None:
            files[directory / secret.public] = new.public
    deposit([Deposit(file, text_of(file) if force else None, text) for file, text in files.items()], directory)
    return list(files)


def _with_new_hosts(readers: Readers, made: Mapping[Secret, Fresh]) -> Readers:
    keys = {key.owner: host_recipient(str(new.public)) for key, new in made.items() if key.kind == "SSH host key"}
    return Readers(readers.admins, readers.machines | {machine: key for machine, key in keys.items() if key})


def _refuse_to_replace(secrets: Sequence[Secret], directory: Path) -> None:
    for secret in secrets:
        for name in (f"{secret.name}.yaml", secret.public):
            if name is not None and os.path.lexists(directory / name):
                raise Refused(
                    f"is there already; if it is in use, {secret.replacing}",
                    where=str(directory / name),
                    hint=f"`pyhomelab secret generate --force {secret.name}` replaces it",
                )
