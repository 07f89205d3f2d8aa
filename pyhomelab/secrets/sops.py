"""Files that sops has encrypted: making one, opening one, and seeing for whom it is.

The plaintext goes to sops and comes from it through a pipe and no other way: not in an argument, a file or a message.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from pyhomelab.errors import Refused, UnreadableInventory
from pyhomelab.process import CommandFailed, run
from pyhomelab.text.source import parse

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

_NEEDS = "it encrypts and opens secrets; `nix shell nixpkgs#sops` has it, and https://getsops.io does (3.10 or newer)"
SSH_KEY = "SOPS_AGE_SSH_PRIVATE_KEY_FILE"
"""The variable that names a key to sops, which looks for those in ~/.ssh all the same."""

# of sops: CouldNotRetrieveKey, MacMismatch and MacNotFound
_NO_KEY = "(exit 128)"
_NOT_WHOLE = ("(exit 51)", "(exit 52)")


def encrypt(name: str, value: str, recipients: Collection[str]) -> str:
    """Encrypt a value for exactly these recipients of age; gives the text of a YAML file with the key `value`.

    Raises ToolMissing if there is no sops, and CommandFailed if it fails or its result is not what was asked for.
    """
    # Without a configuration: a .sops.yaml further up could leave the value as it is, or have no rule for its name.
    argv = ["sops", "--config", "/dev/null", "encrypt", "--age", ",".join(recipients)]
    argv += ["--input-type", "yaml", "--output-type", "yaml", "--filename-override", f"{name}.yaml"]
    doing = f"encrypting {name} with sops (3.10 or newer)"
    # JSON is YAML, and keeps the line breaks of a private key.
    text = run(argv, doing=doing, needs=_NEEDS, stdin=f"value: {json.dumps(value)}\n").stdout
    if sorted(recipients_of(text) or ()) != sorted(recipients):
        raise CommandFailed(
            f"sops did not encrypt {name} for exactly those who are to read it; nothing was written",
            hint="unset the environment variables that begin with SOPS_",
        )
    return text


def decrypt(file: Path, own_key: Path) -> str:
    """Open a file of `encrypt` with the keys of whoever runs this, as sops finds them, or with the lab's own.

    Raises Refused if none of them opens it or it is not as it was written, ToolMissing if there is no sops, and
    CommandFailed if sops fails otherwise.
    """
    argv = ["sops", "--config", "/dev/null", "decrypt", "--input-type", "yaml", "--extract", '["value"]']
    argv += [str(file.absolute())]
    try:
        doing = f"opening {file} with sops (3.10 or newer)"
        return run(argv, doing=doing, needs=_NEEDS, environment=_keys(own_key)).stdout
    except CommandFailed as failure:
        if _NO_KEY in failure.what:
            raise Refused(
                "is not opened by any key that sops finds here",
                where=str(file),
                hint="it takes an admin's ~/.config/sops/age/keys.txt, ~/.ssh/id_ed25519 or ~/.ssh/id_rsa, or a file "
                "that SOPS_AGE_KEY_FILE or SOPS_AGE_SSH_PRIVATE_KEY_FILE names",
            ) from None
        if any(code in failure.what for code in _NOT_WHOLE):
            # what sops says of it has a checksum of the value
            raise Refused("was changed after sops wrote it", where=str(file), hint="bring it back from git") from None
        raise


def _keys(own_key: Path) -> dict[str, str]:
    is_needed = own_key.is_file() and SSH_KEY not in os.environ
    return {SSH_KEY: str(own_key)} if is_needed else {}


def recipients_of(text: str) -> Sequence[str] | None:
    """List who can open a file of sops; None if the text is not one, or its `value` is not encrypted.

    Recipients of age are given as they are, keys of other kinds as `pgp key`.
    """
    try:
        data = parse(text, "").root.plain()
    except UnreadableInventory:
        return None
    sops = data.get("sops")
    if not isinstance(sops, dict) or not str(data.get("value")).startswith("ENC["):
        return None
    keys = [(kind, key) for kind, entries in sops.items() if isinstance(entries, list) for key in entries]
    return [_recipient(kind, key) for kind, key in keys]


def _recipient(kind: str, key: object) -> str:
    recipient = key.get("recipient") if kind == "age" and isinstance(key, dict) else None
    return recipient if isinstance(recipient, str) else f"{kind} key"


def holds_more(text: str) -> bool:
    """Say whether a file of sops has more in it than `value`, which somebody else put there."""
    return not parse(text, "").root.plain().keys() <= {"value", "sops"}
