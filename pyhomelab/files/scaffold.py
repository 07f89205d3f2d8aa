"""A lab of one's own: the frame of a flake, the modules, and an inventory to edit."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from pydantic import TypeAdapter, ValidationError

from pyhomelab.errors import Refused
from pyhomelab.inventory.schema import json_schema
from pyhomelab.model.lab import SshKey
from pyhomelab.process import run

_PACKAGE = Path(str(files("pyhomelab")))
_FRAME = _PACKAGE / "skeleton"
# An installed pyhomelab carries these inside the frame; in a source tree they are the repository's own.
_SHARED = ("flake.lock", "nix/installer", "nix/lab.nix", "nix/modules")
_KEYS = ("id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub")
_OWN_KEY = ".pyhomelab/admin_ed25519"


@dataclass(frozen=True, slots=True)
class Admin:
    """Who may log in to the machines of a new lab: a user name and an OpenSSH public key."""

    name: str
    key: str


def lab_files(lab: str, admin: Admin) -> dict[str, bytes]:
    """Give the files of a new lab called `lab`, by path."""
    found = {path: source.read_bytes() for path, source in _frame_files().items()}
    inventory = Template((_PACKAGE / "first_inventory.yaml").read_text(encoding="utf-8"))
    found["hosts/inventory.yaml"] = inventory.substitute(lab=lab, admin=admin.name, key=admin.key).encode()
    found["hosts/inventory.schema.json"] = (json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n").encode()
    return dict(sorted(found.items()))


def create(directory: Path, contents: dict[str, bytes]) -> list[str]:
    """Write the files that are not there yet, and give their paths.

    Raises Refused, before anything is written, if a file is there with another content.
    """
    missing = []
    for path, content in contents.items():
        target = directory / path
        if not target.exists():
            missing.append(path)
        elif not target.is_file() or target.read_bytes() != content:
            raise Refused("is there already, and differs", where=str(target), hint="give a new directory")
    try:
        for path in missing:
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_bytes(contents[path])
    except OSError as error:
        raise _cannot_be_written(error, directory) from None
    return missing


def _cannot_be_written(error: OSError, directory: Path) -> Refused:
    reason = (error.strerror or str(error)).lower()
    return Refused(f"cannot be written: {reason}", where=str(error.filename or directory))


def name_from(directory: Path) -> str:
    """Make a lab's name of its directory's: a DNS label."""
    label = re.sub("[^a-z0-9]+", "-", directory.resolve().name.lower()).strip("-")
    return label[:63].strip("-") if label[:1].isalpha() else "home"


def admin_from(key_file: Path | None, directory: Path) -> Admin:
    """Find the first admin: this user, with the given key, or the one in ~/.ssh, or one made for the lab.

    Raises Refused if `key_file` is not an OpenSSH public key.
    """
    user = re.sub("[^a-z0-9-]", "", (os.environ.get("SUDO_USER") or os.environ.get("USER") or "").lower()).strip("-")
    name = user if user and user[0].isalpha() and user != "root" else "admin"
    known = [key_file] if key_file else [Path.home() / ".ssh" / file for file in _KEYS]
    found = next((path for path in known if path.is_file()), None)
    if found is None and key_file is not None:
        raise Refused("there is no such file", where=str(key_file), hint="give the .pub file of an SSH key")
    return Admin(name, _public_key(found or _make_key(directory, name)))


def _public_key(file: Path) -> str:
    kind, blob, comment = [*file.read_text(encoding="utf-8", errors="replace").strip().split(" ", 2), "", "", ""][:3]
    key = f"{kind} {blob}"
    try:
        TypeAdapter(SshKey).validate_python(key)
    except ValidationError:
        hint = "give the .pub file of a key of type ed25519, ecdsa or rsa"
        raise Refused("is not an OpenSSH public key", where=str(file), hint=hint) from None
    # a comment is free text, and this one goes into YAML as it is
    return f"{key} {comment}" if re.fullmatch("[A-Za-z0-9@._+-]+", comment) else key


def _make_key(directory: Path, name: str) -> Path:
    """Make a key for the lab alone, where git does not see it."""
    private = directory / _OWN_KEY
    public = private.with_suffix(".pub")
    if not public.exists():
        try:
            private.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise _cannot_be_written(error, directory) from None
        run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(private)],
            doing="making an SSH key for the lab",
            needs="install OpenSSH's client, or give a public key with --ssh-key",
        )
    return public


def _frame_files() -> dict[str, Path]:
    root = _FRAME if (_FRAME / "flake.lock").exists() else _PACKAGE.parent
    files = {str(path.relative_to(_FRAME)): path for path in _FRAME.rglob("*") if path.is_file()}
    for shared in _SHARED:
        source = root / shared
        found = [source] if source.is_file() else [path for path in source.rglob("*") if path.is_file()]
        files |= {str(path.relative_to(root)): path for path in found}
    return files
