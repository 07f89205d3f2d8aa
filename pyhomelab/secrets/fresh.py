"""Values for secrets, as those who read them want them: new ones, and those that somebody gives."""

from __future__ import annotations

import os
import re
import secrets
import string
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.errors import Refused
from pyhomelab.process import CommandFailed, run

if TYPE_CHECKING:
    from pyhomelab.secrets.needed import Kind, Secret

_LARGEST_KEY = 1 << 16  # what a pipe of Linux holds; a private key is 400 bytes
_TOKEN = string.ascii_lowercase + string.digits
_KEYGEN = "it makes the keys of machines and of replication; install OpenSSH's client"
# What each kind looks like, and how that is said; of one that has none, every text will do.
_FORMS: dict[Kind, tuple[str, str]] = {
    "ZFS key": ("[0-9A-Fa-f]{64}", "64 hexadecimal digits"),
    "passphrase": (r"[!#-\[\]-~]{1,63}", "at most 63 letters, digits and signs, but no spaces, quotes and backslashes"),
    "k3s token": ("[!-~]+", "letters, digits and signs without spaces"),
    "k3s agent token": ("[!-~]+", "letters, digits and signs without spaces"),
    "kubeadm token": (r"[a-z0-9]{6}\.[a-z0-9]{16}", "6 small letters or digits, a dot and 16 more"),
    "certificate key": ("[0-9A-Fa-f]{64}", "64 hexadecimal digits"),
}


@dataclass(frozen=True, slots=True)
class Fresh:
    """A new secret; the half that may be known stands apart, and the other is never shown."""

    value: str = field(repr=False)
    public: str | None = None


def fresh(secret: Secret) -> Fresh:
    """Make a new value for a secret; raises ToolMissing if that takes ssh-keygen and it is not there."""
    if secret.public is not None:
        return _key_pair(secret.owner)
    return Fresh(_text(secret.kind))


def given(secret: Secret, value: str) -> Fresh:
    """Take a value that somebody gives, and the public half that goes with it.

    A line break behind the only line is not part of it. Raises Refused, without the value, if its readers could not use
    it.
    """
    if secret.public is not None:
        private = f"{value.strip()}\n"  # sshd wants the last line break
        return Fresh(private, _public_half(secret, private))
    text = value.removesuffix("\n").removesuffix("\r") if value.count("\n") <= 1 else value
    pattern, form = _FORMS.get(secret.kind, (r"[^\0]+", "a text that is not empty"))
    if not re.fullmatch(pattern, text, re.DOTALL):
        raise Refused(f"what was given is no {secret.kind}", where=secret.name, hint=f"it takes {form}")
    return Fresh(text)


def _public_half(secret: Secret, private: str) -> str:
    try:
        line = run(
            ["ssh-keygen", "-y", "-P", "", "-f", "/dev/stdin"], doing="reading a key", needs=_KEYGEN, stdin=private
        ).stdout
    except CommandFailed:
        line = ""
    if not line.startswith("ssh-ed25519 "):
        hint = "it takes an ssh-ed25519 key without a passphrase, such as /etc/ssh/ssh_host_ed25519_key"
        raise Refused("what was given is no private key that can be used", where=secret.name, hint=hint)
    return f"{' '.join(line.split()[:2])} {secret.owner}\n"


def _text(kind: Kind) -> str:
    if kind == "kubeadm token":  # [a-z0-9]{6}.[a-z0-9]{16}
        return f"{_letters(6)}.{_letters(16)}"
    if kind == "passphrase":  # DRBD takes 63 characters at most
        return secrets.token_hex(16)
    return secrets.token_hex(32)  # 256 bits in hexadecimal: what ZFS and kubeadm demand, and k3s takes


def _letters(count: int) -> str:
    return "".join(secrets.choice(_TOKEN) for _ in range(count))


def _key_pair(comment: str) -> Fresh:
    """Make a key with ssh-keygen. It only writes files, so it gets a pipe: no private key lies on a disk."""
    with tempfile.TemporaryDirectory(prefix="pyhomelab-") as directory:
        private = Path(directory) / "key"
        os.mkfifo(private, 0o600)
        pipe = os.open(private, os.O_RDWR | os.O_NONBLOCK)  # for both, so that nobody waits for the other
        try:
            run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(private)],
                doing=f"making the SSH key {comment}",
                needs=_KEYGEN,
                stdin="y\n",  # yes, write into what is there
            )
            return Fresh(os.read(pipe, _LARGEST_KEY).decode(), private.with_suffix(".pub").read_text(encoding="utf-8"))
        finally:
            os.close(pipe)
