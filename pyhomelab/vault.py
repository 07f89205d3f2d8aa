"""The secrets of a lab as files, in `secrets` beside the inventory.

<name>.yaml        a secret, encrypted for the admins and exactly the machines that need it
<name>.pub         the public half of a key pair
hosts/<host>.pub   a machine's public host key, without which nothing can be encrypted for it
"""

from __future__ import annotations

import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.errors import Refused
from pyhomelab.fresh import fresh
from pyhomelab.lock import alone
from pyhomelab.recipients import Readers, admin_recipients, host_recipient
from pyhomelab.sops import encrypt, recipients_of
from pyhomelab.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
        text = _text(host_key_file(directory, machine))
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


def kept(secret: Secret, directory: Path) -> Kept:
    """See whether a secret is there, and who can open it."""
    file = directory / f"{secret.name}.yaml"
    text = _text(file)
    found = recipients_of(text) if text is not None else None
    lacks_public = text is not None and secret.public is not None and not (directory / secret.public).exists()
    return Kept(secret, file, tuple(found) if found is not None else None, text is not None, lacks_public)


def generate(secrets: Iterable[Secret], directory: Path, readers: Readers, *, force: bool) -> list[Path]:
    """Make new values for secrets and write them, encrypted; gives the files.

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
    files: dict[Path, str] = {}
    for secret in wanted:
        new = fresh(secret)
        if secret.public is not None and new.public is not None:
            files[directory / secret.public] = new.public
        files[directory / f"{secret.name}.yaml"] = encrypt(secret.name, new.value, readers.called_for(secret))
    _write(files, directory, force=force)
    return list(files)


def _refuse_to_replace(secrets: Sequence[Secret], directory: Path) -> None:
    for secret in secrets:
        for name in (f"{secret.name}.yaml", secret.public):
            if name is not None and os.path.lexists(directory / name):
                raise Refused(
                    f"is there already; if it is in use, {secret.replacing}",
                    where=str(directory / name),
                    hint=f"`pyhomelab secret generate --force {secret.name}` replaces it",
                )


def _write(files: dict[Path, str], directory: Path, *, force: bool) -> None:
    # Under the lock of `gen`, which exchanges the whole directory for a new one.
    try:
        with alone((directory.parent / "..").resolve()):
            directory.mkdir(exist_ok=True)
            for file, text in files.items():
                _write_one(file, text, force=force)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        where = error.filename2 or error.filename or directory
        raise Refused(f"cannot be written: {reason}", where=str(where)) from None


def _write_one(file: Path, text: str, *, force: bool) -> None:
    """Write a file beside its place and put it there whole; only `force` lets it replace another."""
    descriptor, temporary = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # opens with O_EXCL
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fchmod(descriptor, 0o644)  # encrypted, and read by whoever builds the lab from git
            os.fsync(descriptor)
        if force:
            Path(temporary).replace(file)
        else:
            os.link(temporary, file)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _text(file: Path) -> str | None:
    try:
        if not (stat.S_ISREG(mode := file.stat().st_mode) or stat.S_ISDIR(mode)):
            raise Refused("is not a file", where=str(file), hint="move it out of the lab")  # it may never end
        return file.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Refused(f"cannot be read: {(error.strerror or str(error)).lower()}", where=str(file)) from None
