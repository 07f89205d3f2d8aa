"""What is not right with the secrets of a lab, judged by their files alone: nothing is opened, and no sops started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pyhomelab.secrets.needed import host_key_of
from pyhomelab.secrets.vault import file_of, host_key_file, kept, readers_of, secrets_needed, strays
from pyhomelab.text.wording import few, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from pyhomelab.model import Inventory
    from pyhomelab.secrets.needed import Secret
    from pyhomelab.secrets.recipients import Readers
    from pyhomelab.secrets.vault import Kept

Kind = Literal[
    "missing",
    "not encrypted",
    "too widely shared",
    "too narrowly shared",
    "without its public half",
    "without a known host key",
    "without a usable key",
    "not needed",
]
_MISTAKES: frozenset[Kind] = frozenset({"not encrypted", "too widely shared", "too narrowly shared"})
_MOST_NAMED = 6


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about some secrets, or about people and machines, that is not as the inventory says."""

    kind: Kind
    about: tuple[str, ...]
    what: str
    way_out: str

    @property
    def is_mistake(self) -> bool:
        """Whether somebody can read, or cannot, against the inventory; the rest is merely not done yet."""
        return self.kind in _MISTAKES

    def __str__(self) -> str:
        return f"{self.what}; {self.way_out}"


def review(inventory: Inventory, directory: Path) -> list[Finding]:
    """Look at all secrets of a lab; raises Refused if a file cannot be read, or one for a host key holds none."""
    states = [kept(secret, directory) for secret in secrets_needed(inventory, directory)]
    return findings(states, readers_of(inventory, directory), directory, strays(inventory, directory))


def findings(states: Sequence[Kept], readers: Readers, directory: Path, unneeded: Sequence[str]) -> list[Finding]:
    """Say what is not right with secrets, mistakes first."""
    found = [
        *_missing(states),
        *keyless([state.secret for state in states], readers, directory),
        *_readable_by_all(states),
        *_shared_wrongly(states, readers),
        *(_without_public(state.secret, directory) for state in states if state.lacks_public),
        *_unneeded(unneeded, directory),
    ]
    return sorted(found, key=lambda finding: not finding.is_mistake)


def rekey_due(found: Iterable[Finding]) -> list[Finding]:
    """Give what `pyhomelab secret rekey` would mend."""
    return [finding for finding in found if finding.kind in {"too widely shared", "too narrowly shared"}]


def _missing(states: Sequence[Kept]) -> Iterator[Finding]:
    lacking = [state.secret for state in states if not state.is_there]
    own = [secret.name for secret in lacking if secret.kind == "own secret"]
    # without a host key, a machine is said to be without one
    made = [secret.name for secret in lacking if secret.kind not in {"own secret", "SSH host key"}]
    if made:
        what = f"{_are(made)} missing"
        yield Finding("missing", tuple(made), what, f"`pyhomelab secret generate` makes {_them(made)}")
    if own:
        yield Finding("missing", tuple(own), f"{_are(own)} missing", f"`pyhomelab secret set {own[0]}` takes the value")


def _are(names: Sequence[str]) -> str:
    return f"{few(names, _MOST_NAMED)} {'is' if len(names) == 1 else 'are'}"


def _readable_by_all(states: Sequence[Kept]) -> Iterator[Finding]:
    for state in states:
        if state.is_there and state.recipients is None:
            anew = f"{state.secret.made_by.replace('generate', 'generate --force')}"
            yield Finding(
                "not encrypted",
                (state.secret.name,),
                f"{state.file} is not encrypted by sops",
                f"count its value as known, and make another with `{anew}`",
            )


def _shared_wrongly(states: Sequence[Kept], readers: Readers) -> Iterator[Finding]:
    for names, secrets in _grouped(states, readers, _strangers).items():
        what = f"{listed(names)} can read {few(secrets, _MOST_NAMED)} without need"
        yield Finding(
            "too widely shared", tuple(secrets), what, "`pyhomelab secret rekey` keeps later values from them"
        )
    for names, secrets in _grouped(states, readers, _shut_out).items():
        what = f"{listed(names)} cannot read {few(secrets, _MOST_NAMED)}"
        yield Finding("too narrowly shared", tuple(secrets), what, "`pyhomelab secret rekey` adds what is missing")


def _grouped(
    states: Sequence[Kept], readers: Readers, names_of: Callable[[Secret, Sequence[str], Readers], Iterator[str]]
) -> dict[tuple[str, ...], list[str]]:
    """Bring together the secrets that concern the same names: who comes or leaves does so for many at once."""
    found: dict[tuple[str, ...], list[str]] = {}
    for state in states:
        names = tuple(dict.fromkeys(names_of(state.secret, state.recipients or (), readers)))
        if names and state.recipients is not None:
            found.setdefault(names, []).append(state.secret.name)
    return found


def _strangers(secret: Secret, recipients: Sequence[str], readers: Readers) -> Iterator[str]:
    called_for = readers.called_for(secret)
    for recipient in recipients:
        if recipient not in called_for:
            yield from readers.names_of(recipient)


def _shut_out(secret: Secret, recipients: Sequence[str], readers: Readers) -> Iterator[str]:
    for recipient, name in readers.called_for(secret).items():
        if recipient not in recipients:
            yield _by_key(name, recipients, readers)


def _by_key(name: str, recipients: Sequence[str], readers: Readers) -> str:
    """Call who lacks a secret by their name, or by the one key of several that does not open it."""
    return f"a new key of {name}" if set(readers.admins.get(name, ())) & set(recipients) else name


def keyless(secrets: Sequence[Secret], readers: Readers, directory: Path) -> Iterator[Finding]:
    """Say who cannot be given these secrets, for want of a key."""
    for admin, keys in readers.admins.items():
        if not keys and secrets:
            what = f"{admin} can read no secret: age takes none of the keys"
            yield Finding(
                "without a usable key",
                (admin,),
                what,
                "add an ssh-ed25519 or ssh-rsa key, or an age key (`pyhomelab secret init --age` makes one)",
            )
    machines = tuple(without_host_key(secrets, readers))
    if machines:
        yield Finding(
            "without a known host key",
            machines,
            f"no host key of {few(machines, _MOST_NAMED)} is known, so no secret can be for {_them(machines)}",
            f"copy /etc/ssh/ssh_host_ed25519_key.pub of one that runs to {host_key_file(directory, '<machine>')}; "
            "`pyhomelab secret generate` makes a key for one that is not installed yet",
        )


def _them(names: Sequence[str]) -> str:
    return "it" if len(names) == 1 else "them"


def without_host_key(secrets: Iterable[Secret], readers: Readers) -> dict[str, list[str]]:
    """Give the machines whose host key is not known, with the secrets that they are to read."""
    found: dict[str, list[str]] = {}
    for secret in secrets:
        for host in (secret.owner,) if secret.kind == "SSH host key" else secret.hosts:
            if host not in readers.machines:
                found.setdefault(host, []).append(secret.name)
    return found


def _without_public(secret: Secret, directory: Path) -> Finding:
    way_out = f"`pyhomelab secret generate --force {secret.name}` makes a new pair"
    if secret.kind == "SSH host key":
        way_out = f"bring it back from git, for {secret.owner} may run with this key"
    return Finding("without its public half", (secret.name,), f"{directory / str(secret.public)} is gone", way_out)


def _unneeded(names: Sequence[str], directory: Path) -> Iterator[Finding]:
    if names:
        what = f"{_are(names)} in {directory}, and not needed any more"
        yield Finding(
            "not needed", tuple(names), what, f"`pyhomelab secret rm {' '.join(names)}` removes what is there"
        )


def new_hosts(made: Sequence[Secret], directory: Path) -> Iterator[str]:
    """Say what becomes of host keys that were made, and what to do for a machine that has one."""
    machines = [key.owner for key in made if key.kind == "SSH host key"]
    if machines:
        public, private = host_key_file(directory, "<machine>"), file_of(host_key_of("<machine>"), directory)
        yield (
            f"{listed(machines)} get{'s' if len(machines) == 1 else ''} the host key made here when installed; "
            f"a machine that runs already has its own: copy /etc/ssh/ssh_host_ed25519_key.pub of it to {public} "
            f"and remove {private}"
        )
