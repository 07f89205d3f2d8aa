"""What `pyhomelab secret` says: who can read which secret, who cannot, and the way out."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.table import Table

from pyhomelab.cli.tables import as_text
from pyhomelab.secrets import host_key_of
from pyhomelab.vault import file_of, host_key_file
from pyhomelab.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pyhomelab.recipients import Readers
    from pyhomelab.secrets import Secret
    from pyhomelab.vault import Kept


def secret_table(states: Sequence[Kept], readers: Readers) -> str:
    """Draw which secrets there are, and for whom each is encrypted."""
    table = Table("secret", "for", "machines", "state", box=SIMPLE_HEAD)
    for state in states:
        table.add_row(state.secret.name, state.secret.used_for, ", ".join(state.secret.hosts), _state(state, readers))
    return as_text(table)


def _state(state: Kept, readers: Readers) -> str:
    if not state.is_there:
        return "missing"
    if state.recipients is None:
        return "not encrypted"
    cannot_read = _shut_out(state, readers)
    text = f"for {', '.join(_names(state.recipients, readers))}"
    return f"{text}; not for {', '.join(cannot_read)}" if cannot_read else text


def as_data(state: Kept, readers: Readers) -> dict[str, object]:
    """Give what the table shows as plain data."""
    return {
        "name": state.secret.name,
        "used_for": state.secret.used_for,
        "kind": state.secret.kind,
        "hosts": list(state.secret.hosts),
        "file": str(state.file),
        "is_there": state.is_there,
        "is_encrypted": state.recipients is not None,
        "can_read": _names(state.recipients or (), readers),
        "cannot_read": _shut_out(state, readers),
    }


def _names(recipients: Sequence[str], readers: Readers) -> list[str]:
    return list(dict.fromkeys(name for recipient in recipients for name in readers.names_of(recipient)))


def _shut_out(state: Kept, readers: Readers) -> list[str]:
    return [host for host in state.secret.hosts if not readers.has_key(host, state.recipients or ())]


def remarks(states: Sequence[Kept], readers: Readers, directory: Path) -> Iterator[str]:
    """Say what is amiss with the secrets, with the way out."""
    if not all(state.is_there for state in states):
        yield "`pyhomelab secret generate` makes what is missing"
    yield from left_out([state.secret for state in states], readers, directory)
    for state in states:
        if state.is_there and state.recipients is None:
            yield f"{state.file} is not encrypted by sops: count it as known, and make it anew with --force"
        if state.recipients is not None:
            yield from _too_few(state, state.recipients, readers)
            yield from _too_many(state, state.recipients, readers)
        if state.lacks_public:
            yield _without_public(state.secret, directory)


def _without_public(secret: Secret, directory: Path) -> str:
    file = directory / str(secret.public)
    if secret.kind == "SSH host key":
        return f"{file} is gone; bring it back from git, for {secret.owner} may run with this key"
    return f"{file} is gone; `pyhomelab secret generate --force {secret.name}` makes a new pair"


def _too_few(state: Kept, recipients: Sequence[str], readers: Readers) -> Iterator[str]:
    called_for = readers.called_for(state.secret)
    lacking = [recipient for recipient in called_for if recipient not in recipients]
    if lacking:
        names = listed(dict.fromkeys(called_for[recipient] for recipient in lacking))
        way_out = _rotate("--add-age", lacking, state.file)
        yield f"{names} cannot read {state.secret.name}; {way_out} adds what is missing"


def _too_many(state: Kept, recipients: Sequence[str], readers: Readers) -> Iterator[str]:
    called_for = readers.called_for(state.secret)
    strangers = [recipient for recipient in recipients if recipient not in called_for]
    if strangers:
        names = listed(_names(strangers, readers))
        way_out = _rotate("--rm-age", strangers, state.file)
        yield f"{names} can read {state.secret.name} without need; {way_out} keeps later values from them"


def _rotate(option: str, recipients: Sequence[str], file: Path) -> str:
    return f"`{shlex.join(['sops', 'rotate', '--in-place', option, ','.join(recipients), str(file)])}`"


def new_hosts(made: Sequence[Secret], directory: Path) -> Iterator[str]:
    """Say what becomes of host keys that were made, and what to do for a machine that has one."""
    machines = [key.owner for key in made if key.kind == "SSH host key"]
    if machines:
        private = file_of(host_key_of("<machine>"), directory)
        yield (
            f"{listed(machines)} get{'s' if len(machines) == 1 else ''} the host key made here when installed; "
            "a machine that runs already has its own: copy /etc/ssh/ssh_host_ed25519_key.pub of it to "
            f"{host_key_file(directory, '<machine>')} and remove {private}"
        )


def left_out(secrets: Sequence[Secret], readers: Readers, directory: Path) -> Iterator[str]:
    """Say who cannot be given the secrets, for want of a key."""
    for admin, keys in readers.admins.items():
        if not keys and secrets:
            yield f"{admin} cannot read them: secrets are encrypted for ssh-ed25519 and ssh-rsa keys"
    machines = keyless(secrets, readers)
    if machines:
        yield (
            f"{listed(machines)} cannot read them: put the public host key of each "
            f"(/etc/ssh/ssh_host_ed25519_key.pub) into {host_key_file(directory, '<machine>')}, or let "
            "`pyhomelab secret generate` make one for a machine that is not installed yet; "
            "`pyhomelab secret list` then says how to add it to what is there"
        )


def keyless(secrets: Sequence[Secret], readers: Readers) -> dict[str, list[str]]:
    """Give the machines whose host key is not known, with the secrets that they are to read."""
    found: dict[str, list[str]] = {}
    for secret in secrets:
        for host in secret.hosts:
            if host not in readers.machines:
                found.setdefault(host, []).append(secret.name)
    return found
