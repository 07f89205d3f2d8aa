"""The lab's NixOS modules, evaluated by nixpkgs' own module system against NixOS's options."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import textwrap
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.modules.option_tree import tree_file
from tests.modules.sources import CACHE, ROOT, checkout, nixpkgs_lib

if TYPE_CHECKING:
    from collections.abc import Mapping

LAB = ROOT / "nix" / "modules"
NIX = ROOT / "tests" / "nix"
_WRITTEN = "trace: written:"
_SCRIPTS: dict[str, str] = {}
_Named = tuple[tuple[str, str | Path], ...]


class EvaluationError(Exception):
    """The module system refused: an unknown option, a wrong type, a conflict; str() is nix's message."""

    def __init__(self, said: str) -> None:
        """Take all nix said; the message is its last error, without the way there."""
        super().__init__(_last_error(said))
        self.trace = said


def _last_error(said: str) -> str:
    lines = said.splitlines()
    starts = [index for index, line in enumerate(lines) if line.lstrip().startswith("error: ")]
    return textwrap.dedent("\n".join(lines[starts[-1] :])).strip() if starts else said


def _missing() -> str:
    if shutil.which("nix-instantiate") is None:
        return "nix-instantiate is not on PATH"
    if nixpkgs_lib() is None:
        cached = CACHE / "nixpkgs-lib"
        return f"nixpkgs' lib is not at $PYHOMELAB_NIXPKGS_LIB, {cached} or where Nix puts our flake's nixpkgs"
    return ""


needs_nixpkgs_lib = pytest.mark.skipif(_missing() != "", reason=_missing() or "nothing is missing")


def evaluate(module: str | Path, select: str, *, lab: Path | None = LAB) -> Any:
    """What `select`, over `config`, `options`, `lib` and `pkgs`, makes of `module` and the modules at `lab`.

    `module` is Nix text or a path; `lab` may be a single concern, such as nix/modules/zfs, or None.
    """
    return evaluate_many({"machine": module}, select, lab=lab)["machine"]


def evaluate_many(modules: Mapping[str, str | Path], select: str, *, lab: Path | None = LAB) -> dict[str, Any]:
    """The same question put to several modules, each on its own, in one start of nix."""
    answer: dict[str, Any] = json.loads(_asked(tuple(sorted(modules.items())), select, lab))
    return answer


def evaluate_host(directory: Path, select: str) -> Any:
    """What `select` makes of a generated host directory, such as hosts/dl1."""
    return evaluate(directory.resolve(), select)


def failed_assertions(module: str | Path, *, lab: Path | None = LAB) -> list[str]:
    """Messages of the assertions that do not hold, in the order the modules make them."""
    select = "map (a: a.message) (lib.filter (a: !a.assertion) config.assertions)"
    messages: list[str] = evaluate(module, select, lab=lab)
    return messages


def refused_by_nixos(module: str | Path, *, lab: Path | None = LAB) -> list[str]:
    """What NixOS's own modules would refuse of a whole machine, of the checks a lab can run into."""
    messages: list[str] = evaluate(module, f"import {NIX}/refused.nix {{ inherit config lib; }}", lab=lab)
    return messages


def values_set(module: str | Path, *, lab: Path | None = LAB) -> list[str]:
    """Names of all options that the lab's modules or `module` define, after evaluating every one of them.

    A value of the wrong type hides until somebody asks for it; this asks for all.
    """
    select = f"import {NIX}/values-set.nix {{ inherit lib options foreign; }}"
    names: list[str] = evaluate(module, select, lab=lab)
    return names


def script(reference: str) -> str:
    """Text of the written file that `reference` (an ExecStart line, a path) names first."""
    for path in re.findall(r"/nix/store/[0-9a-z]{32}-[-.+_?=0-9a-zA-Z]+", reference):
        if path in _SCRIPTS:
            return _SCRIPTS[path]
    raise KeyError(reference)


@cache
def _asked(modules: _Named, select: str, lab: Path | None) -> str:
    with tempfile.TemporaryDirectory(prefix="pyhomelab-") as directory:
        expression = Path(directory) / "question.nix"
        expression.write_text(_question(modules, select, lab, Path(directory)))
        return _evaluated(expression)


def _question(modules: _Named, select: str, lab: Path | None, directory: Path) -> str:
    imports = []
    for index, (name, module) in enumerate(modules):
        path = module
        if isinstance(module, str):
            path = directory / f"module-{index}.nix"
            path.write_text(module)
        imports.append(f"{json.dumps(name)} = {path};")
    arguments = {
        "nixpkgsLib": nixpkgs_lib(),
        "optionTree": tree_file(),
        "disko": checkout("PYHOMELAB_DISKO", "disko"),
        "lab": lab,
        "sopsNix": checkout("PYHOMELAB_SOPS_NIX", "sops-nix"),
    }
    given = " ".join(f"{name} = {path};" for name, path in arguments.items() if path)
    return (
        f"(import {NIX} {{ {given} }}).evaluate\n"
        f"({{ config, options, lib, pkgs, foreign }}: ({select}))\n"
        f"{{ {' '.join(imports)} }}\n"
    )


def _evaluated(expression: Path) -> str:
    done = subprocess.run(
        ["nix-instantiate", "--eval", "--strict", "--json", str(expression)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    said = []
    for line in done.stderr.splitlines():
        if line.startswith(_WRITTEN):
            written = json.loads(line.removeprefix(_WRITTEN))
            _SCRIPTS[written["path"]] = written["text"]
        else:
            said.append(line)
    if done.returncode != 0:
        raise EvaluationError("\n".join(said))
    return done.stdout
