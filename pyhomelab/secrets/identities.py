"""The keys of whoever runs this: where sops looks for them, and which recipients of age they are."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from pyhomelab.errors import Refused
from pyhomelab.process import CommandFailed, run
from pyhomelab.secrets.recipients import admin_recipients
from pyhomelab.secrets.sops import SSH_KEY
from pyhomelab.text.bech32 import decoded

_NEEDS = "it makes and reads keys of age; `nix shell nixpkgs#age` has it, and Debian's package age"
# age-keygen and plugins write the public half above each private one
_REMARK = re.compile(r"^#.*?\b(age1[a-z0-9+-]+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Identity:
    """A file with private keys, and the recipients whose secrets it opens."""

    file: Path
    recipients: tuple[str, ...]


def identities(own_key: Path) -> list[Identity]:
    """Find the files in which sops looks for keys, and the lab's own; none of their private halves is kept."""
    found = [Identity(file, _of_age(file)) for file in _age_files() if file.is_file()]
    found += [Identity(file, _of_ssh(file)) for file in _ssh_files(own_key) if file.is_file()]
    return [identity for identity in found if identity.recipients]


def age_key_file() -> Path:
    """Give the file in which sops looks for keys of age first."""
    return _age_files()[0]


def make_age_key(file: Path) -> Identity:
    """Make a key of age that only its owner can read.

    Raises Refused if its directory cannot be made, ToolMissing without age-keygen, and CommandFailed if that fails.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Refused(f"cannot be made: {reason}", where=str(error.filename or file.parent)) from None
    run(["age-keygen", "-o", str(file)], doing=f"making the age key {file}", needs=_NEEDS)
    return Identity(file, _of_age(file))


def _age_files() -> list[Path]:
    stated = os.environ.get("SOPS_AGE_KEY_FILE")
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return [*([Path(stated)] if stated else []), Path(config) / "sops/age/keys.txt"]


def _ssh_files(own_key: Path) -> list[Path]:
    stated = os.environ.get(SSH_KEY)
    usual = [Path.home() / ".ssh" / name for name in ("id_ed25519", "id_rsa")]
    return [Path(stated) if stated else own_key, *usual]


def _of_age(file: Path) -> tuple[str, ...]:
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise Refused(f"cannot be read: {(error.strerror or str(error)).lower()}", where=str(file)) from None
    remarks = [recipient for recipient in _REMARK.findall(text) if decoded(recipient) is not None]
    if remarks or "AGE-SECRET-KEY-" not in text:
        return tuple(dict.fromkeys(remarks))
    try:
        return tuple(run(["age-keygen", "-y", str(file)], doing=f"reading {file}", needs=_NEEDS).stdout.split())
    except CommandFailed:
        raise Refused(
            "holds no key of age that can be read", where=str(file), hint="make one with age-keygen"
        ) from None


def _of_ssh(file: Path) -> tuple[str, ...]:
    public = file.with_name(f"{file.name}.pub")
    line = public.read_text(encoding="utf-8", errors="replace") if public.is_file() else ""
    return admin_recipients([line]) if line.split() else ()
