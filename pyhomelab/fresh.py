"""New values for secrets, as those who read them want them."""

from __future__ import annotations

import os
import secrets
import string
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.process import run

if TYPE_CHECKING:
    from pyhomelab.secrets import Kind, Secret

_LARGEST_KEY = 1 << 16  # what a pipe of Linux holds; a private key is 400 bytes
_TOKEN = string.ascii_lowercase + string.digits


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
                needs="it makes the keys of machines and of replication; install OpenSSH's client",
                stdin="y\n",  # yes, write into what is there
            )
            return Fresh(os.read(pipe, _LARGEST_KEY).decode(), private.with_suffix(".pub").read_text(encoding="utf-8"))
        finally:
            os.close(pipe)
