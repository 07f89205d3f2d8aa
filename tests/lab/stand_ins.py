"""The inputs of a lab's flake for tests: nixpkgs, disko and sops-nix are too big to fetch, so others stand in."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from tests.lab.image import CACHE, image
from tests.modules.option_tree import tree_file
from tests.modules.sources import ROOT, nixpkgs_lib

_TESTS = ROOT / "tests"
_STUB = Path(__file__).with_name("stub")
_INPUTS = ("disko", "nixpkgs", "sops-nix")
# tests/nix says what it wrote in a trace, for tests to read; here the file itself is made.
_WRITTEN = 'builtins.trace "written:${builtins.toJSON { inherit path text; }}" path;'
_MADE = "builtins.toFile (lib.strings.sanitizeDerivationName name) text;"


@cache
def stand_ins() -> dict[str, Path]:
    """The flake that stands in for each input, by the input's name; put together once and kept."""
    kept = CACHE / f"lab-inputs-{_key()}"
    if not kept.is_dir():
        with tempfile.TemporaryDirectory(prefix="lab-inputs-", dir=CACHE) as place:
            made = Path(place) / "inputs"
            _make(made)
            made.chmod(0o755)
            if not kept.is_dir():
                made.rename(kept)
    return {name: kept / name for name in _INPUTS}


def use_stand_ins(directory: Path) -> None:
    """Make the stand-ins the inputs of the flake in a directory, and pin them there."""
    flake = directory / "flake.nix"
    text = flake.read_text()
    lock = json.loads((ROOT / "flake.lock").read_text())["nodes"]
    for name, stand_in in stand_ins().items():
        original = lock[name]["original"]
        url = "/".join(
            [f"github:{original['owner']}", original["repo"], *([original["ref"]] if "ref" in original else [])]
        )
        if f'"{url}"' not in text:
            raise ValueError(f"{flake} has no input {url}")
        text = text.replace(f'"{url}"', f'"path:{stand_in}"')
    flake.write_text(text)
    (directory / "flake.lock").unlink(missing_ok=True)
    subprocess.run(["nix", "flake", "lock", f"path:{directory}"], capture_output=True, check=True)


def _lib() -> Path:
    lib = nixpkgs_lib()
    if lib is None:
        raise FileNotFoundError("nixpkgs' lib is not at hand")
    return lib


def _sources() -> list[Path]:
    return [
        _lib(),
        _STUB,
        _TESTS / "nix",
        _TESTS / "flake",
        _TESTS / "data/systemd-keys.json",
        tree_file(),
        Path(__file__),
    ]


def _key() -> str:
    digest = hashlib.sha256(image().name.encode())
    for source in _sources():
        for file in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if file.is_file():
                digest.update(f"{file}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _make(directory: Path) -> None:
    nixpkgs = directory / "nixpkgs"
    shutil.copytree(_STUB, nixpkgs)
    shutil.copytree(_lib(), nixpkgs / "lib")
    shutil.copytree(_TESTS / "nix", nixpkgs / "nix")
    (nixpkgs / "data").mkdir()
    shutil.copy(_TESTS / "data/systemd-keys.json", nixpkgs / "data")
    shutil.copy(tree_file(), nixpkgs / "option-tree.json")
    packages = nixpkgs / "nix/pkgs.nix"
    text = packages.read_text()
    if text.count(_WRITTEN) != 1:
        raise ValueError("tests/nix/pkgs.nix writes its files in another way than tests/lab expects")
    packages.write_text(text.replace(_WRITTEN, _MADE))
    _busybox(nixpkgs / "busybox/bin")
    for name in ("disko", "sops-nix"):
        shutil.copytree(_TESTS / "flake" / name, directory / name)


def _busybox(directory: Path) -> None:
    """The tools of all builders and of the systems' scripts: one static program under all its names."""
    directory.mkdir(parents=True)
    program = directory / "busybox"
    shutil.copy(image() / "usr/bin/busybox", program)
    listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True)
    for name in listed.stdout.split():
        if name != "busybox":
            (directory / name).symlink_to("busybox")
