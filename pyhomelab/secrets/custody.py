"""Changes what lies in the vault: values made, given, encrypted for others, or taken out. All of it or nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyhomelab.errors import Refused
from pyhomelab.secrets.deposit import Deposit, deposit, text_of
from pyhomelab.secrets.fresh import fresh, given
from pyhomelab.secrets.needed import host_key_of
from pyhomelab.secrets.recipients import Readers, host_recipient
from pyhomelab.secrets.sops import encrypt, holds_more, recipients_of
from pyhomelab.secrets.vault import file_of, host_key_file, opened, refuse_without_admins

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from pyhomelab.secrets.fresh import Fresh
    from pyhomelab.secrets.needed import Secret

_FROM_GIT = "bring it back from git"


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """A secret that is for others now: who was added, and whose keys were taken out."""

    secret: Secret
    added: tuple[str, ...]
    removed: tuple[str, ...]


def generate(secrets: Iterable[Secret], directory: Path, readers: Readers, *, force: bool) -> list[Path]:
    """Make new values for secrets and write them, encrypted, for machines with new host keys too; gives the files.

    Raises Refused, before anything is written, if one is there already (unless `force`) or no admin could read them.
    """
    wanted = list(secrets)
    refuse_without_admins(readers)
    if not force:
        _refuse_to_replace(wanted, directory, "generate --force")
    return _keep({secret: fresh(secret) for secret in wanted}, directory, readers, force=force)


def put(secret: Secret, value: str, directory: Path, readers: Readers, *, force: bool) -> list[Path]:
    """Keep a value that somebody gives, encrypted; gives the files.

    Raises Refused if it is not what those who read the secret could use, no admin could read it, or one that was made
    for them is there already (unless `force`).
    """
    refuse_without_admins(readers)
    if not force and secret.kind != "own secret":
        _refuse_to_replace([secret], directory, "set --force")
    return _keep({secret: given(secret, value)}, directory, readers, force=force or secret.kind == "own secret")


def rekey(secrets: Iterable[Secret], directory: Path, readers: Readers) -> list[Rekeyed]:
    """Encrypt secrets anew for those who are to read them now, as far as they are for others; gives what was done.

    Each gets a new data key, so that who was taken out cannot open it with the old one. Raises Refused, before anything
    is written, if one cannot be opened here, or no admin could read them.
    """
    refuse_without_admins(readers)
    _refuse_without_host_keys(directory)
    found = {secret: text_of(file_of(secret, directory)) for secret in secrets}
    due = {secret: text for secret, text in found.items() if text is not None and _is_due(secret, text, readers)}
    changes = [_reencrypted(secret, text, directory, readers) for secret, text in due.items()]
    if changes:
        deposit(changes, directory)
    return [_rekeyed(secret, text, readers) for secret, text in due.items()]


def _is_due(secret: Secret, text: str, readers: Readers) -> bool:
    found = recipients_of(text)
    return found is not None and set(found) != set(readers.called_for(secret))


def _reencrypted(secret: Secret, text: str, directory: Path, readers: Readers) -> Deposit:
    file = file_of(secret, directory)
    if holds_more(text):
        hint = "move the rest to a file of its own, with `sops edit`"
        raise Refused("holds more than `value`, which would be lost", where=str(file), hint=hint)
    return Deposit(file, text, encrypt(secret.name, opened(secret, directory), readers.called_for(secret)))


def _rekeyed(secret: Secret, text: str, readers: Readers) -> Rekeyed:
    before, after = set(recipients_of(text) or ()), set(readers.called_for(secret))
    return Rekeyed(secret, _names(after - before, readers), _names(before - after, readers))


def remove(files: Iterable[Path], directory: Path) -> None:
    """Take files out of the vault."""
    deposit([Deposit(file, text_of(file), None) for file in files], directory)


def _names(recipients: Iterable[str], readers: Readers) -> tuple[str, ...]:
    return tuple(sorted({name for recipient in recipients for name in readers.names_of(recipient)}))


def _refuse_without_host_keys(directory: Path) -> None:
    """Raise Refused if a machine would be shut out because the public half of its key, made here, is gone."""
    start = host_key_of("").name
    for private in sorted(directory.glob(f"{start}*.yaml")):
        public = host_key_file(directory, private.stem.removeprefix(start))
        if not public.exists():
            raise Refused("is gone, and who has the other half would be shut out", where=str(public), hint=_FROM_GIT)


def _refuse_to_replace(secrets: Sequence[Secret], directory: Path, command: str) -> None:
    for secret in secrets:
        for name in (f"{secret.name}.yaml", secret.public):
            if name is not None and os.path.lexists(directory / name):
                raise Refused(
                    f"is there already; if it is in use, {secret.replacing}",
                    where=str(directory / name),
                    hint=f"`pyhomelab secret {command} {secret.name}` replaces it",
                )


def _keep(made: Mapping[Secret, Fresh], directory: Path, readers: Readers, *, force: bool) -> list[Path]:
    files = dict(_files(made, directory, _with_new_hosts(readers, made)))
    deposit([Deposit(file, text_of(file) if force else None, text) for file, text in files.items()], directory)
    return list(files)


def _with_new_hosts(readers: Readers, made: Mapping[Secret, Fresh]) -> Readers:
    keys = {key.owner: host_recipient(str(new.public)) for key, new in made.items() if key.kind == "SSH host key"}
    return replace(readers, machines=readers.machines | {machine: key for machine, key in keys.items() if key})


def _files(made: Mapping[Secret, Fresh], directory: Path, readers: Readers) -> Iterator[tuple[Path, str]]:
    for secret, new in made.items():
        # The private half comes first: without it the public one is of no use, and can be made from it.
        yield file_of(secret, directory), encrypt(secret.name, new.value, readers.called_for(secret))
        if secret.public is not None and new.public is not None:
            yield directory / secret.public, new.public
