"""The key that signs what is built for a lab, so that its machines can tell it from what anybody else built.

The private half stays on the machine that builds, where git does not see it. The public half lies beside the inventory,
a line for each machine that builds; `gen` tells every machine to trust those.
"""

from __future__ import annotations

import os
import re
import secrets
from typing import TYPE_CHECKING

from pyhomelab.errors import Refused
from pyhomelab.process import run

if TYPE_CHECKING:
    from pathlib import Path

_NIX_KEY = ("nix", "--extra-experimental-features", "nix-command", "key")
_PUBLIC_KEY = re.compile(r"[A-Za-z0-9._-]+:[A-Za-z0-9+/]{43}=")
_NEEDS = "it makes the key that signs what is built; get it from https://nixos.org/download"


def signing_key_file(own: Path) -> Path:
    """Give the file of the private half, below what pyhomelab keeps for itself."""
    return own / "signing.key"


def public_key_file(directory: Path) -> Path:
    """Give the file of the public halves, in the inventory's directory."""
    return directory / "signing.pub"


def trusted_keys(directory: Path) -> tuple[str, ...]:
    """Read the public halves, in the order of the file; none if there is no file.

    Raises Refused for a line that is no key of Nix, and for two keys of one name: Nix would know only one of them.
    """
    file = public_key_file(directory)
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8", errors="replace").splitlines()]
    except FileNotFoundError:
        return ()
    keys = tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
    for key in keys:
        if not _PUBLIC_KEY.fullmatch(key):
            raise Refused(
                "has a line that is no public key of Nix", where=str(file), hint="write name:base64, one a line"
            )
    names = [key.partition(":")[0] for key in keys]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Refused(f"has two keys called {twice}", where=str(file), hint="remove the one that is no longer used")
    return keys


def make_signing_key(lab: str, own: Path, directory: Path) -> str:
    """Make the key of a lab unless it is there, and write down its public half; gives that.

    Raises ToolMissing without Nix, and Refused if there is no place to write to.
    """
    private = signing_key_file(own)
    try:
        if not private.exists():
            # A name that no other key of the lab has: Nix knows keys by their names.
            value = _nix_key("generate-secret", "--key-name", f"{lab}-{secrets.token_hex(2)}")
            own.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_private(private, value)
        public = _nix_key("convert-secret-to-public", stdin=private.read_text(encoding="utf-8"))
        if public not in trusted_keys(directory):
            with public_key_file(directory).open("a", encoding="utf-8") as file:
                file.write(f"{public}\n")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Refused(f"cannot be written: {reason}", where=str(error.filename or private)) from None
    return public


def _nix_key(*words: str, stdin: str | None = None) -> str:
    return run([*_NIX_KEY, *words], doing="making the signing key", needs=_NEEDS, stdin=stdin).stdout.strip()


def _write_private(file: Path, value: str) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(value)
