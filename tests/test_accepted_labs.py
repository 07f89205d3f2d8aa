"""What is accepted works: labs made by chance that have no mistake become systems that nothing refuses.

A check that the modules have and the rules lack would show here: the person would hear of it from Nix, one machine at a
time, and not from `pyhomelab check`.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from pyhomelab.files.render import render
from pyhomelab.inventory.load import understand
from pyhomelab.secrets.needed import secrets_of
from tests.modules.harness import NIX, evaluate_many, needs_nixpkgs_lib
from tests.random_labs import RandomLab

if TYPE_CHECKING:
    from pathlib import Path

    from pyhomelab.model import Inventory

_SEEDS = range(60)
_GROUPS = 4
_LABS_OF_A_GROUP = 5
_WHAT = f"""
  let
    values = import {NIX}/values-set.nix {{ inherit lib options foreign; }};
  in
  map (one: one.message) (lib.filter (one: !one.assertion) config.assertions)
  ++ import {NIX}/refused.nix {{ inherit config lib; }}
  ++ builtins.deepSeq values [ ]
"""


@cache
def accepted() -> dict[int, Inventory]:
    """The labs without a mistake, by seed."""
    judged = {seed: understand(RandomLab(seed).data) for seed in _SEEDS}
    return {seed: lab for seed, (lab, mistakes) in judged.items() if lab is not None and not mistakes}


def written(seed: int, directory: Path) -> dict[str, str | Path]:
    """Write a lab with all its secrets; the machines by name."""
    lab = accepted()[seed]
    rendered = render(lab)
    own = "{ services.zfs.zed.enableMail = true; }\n" if lab.lab.email else "{ }\n"  # a mailer is the owner's
    for path, text in {**rendered.generated, **dict.fromkeys(rendered.owned, own)}.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_text(text)
    (directory / "secrets").mkdir()
    for secret in secrets_of(lab):
        (directory / "secrets" / f"{secret.name}.yaml").write_text("value: ENC[]\n")
        if secret.public is not None:
            (directory / "secrets" / secret.public).write_text("ssh-ed25519 AAAA replication\n")
    return {f"{seed}: {name}": directory / name for name in (*lab.hosts, *lab.guests)}


def test_enough_labs_made_by_chance_have_no_mistake() -> None:
    assert len(accepted()) >= _GROUPS * _LABS_OF_A_GROUP


def test_labs_made_by_chance_use_every_key() -> None:
    keys: set[str] = set()

    def walk(part: Any) -> None:
        for value in part.values() if isinstance(part, dict) else part:
            if isinstance(value, dict | list):
                walk(value)
        keys.update(part if isinstance(part, dict) else ())

    for seed in range(300):
        walk(RandomLab(seed).data)
    schema = json.loads((NIX.parent.parent / "hosts" / "inventory.schema.json").read_text())
    known = {key for part in (schema, *schema["$defs"].values()) for key in part.get("properties", {})}
    assert known - keys == set()


@needs_nixpkgs_lib
@pytest.mark.parametrize("group", range(_GROUPS))
def test_every_machine_of_an_accepted_lab_is_a_system_that_nothing_refuses(group: int, tmp_path: Path) -> None:
    machines: dict[str, str | Path] = {}
    for seed in list(accepted())[group::_GROUPS][:_LABS_OF_A_GROUP]:
        machines |= written(seed, tmp_path / str(seed))
    answers = evaluate_many(machines, _WHAT)
    assert {name: refused for name, refused in answers.items() if refused} == {}


@pytest.mark.skipif(shutil.which("nixfmt") is None, reason="nixfmt is not on PATH (tools/get-nix gets it)")
def test_the_files_of_an_accepted_lab_are_as_nixfmt_would_write_them(tmp_path: Path) -> None:
    for seed in accepted():
        written(seed, tmp_path / str(seed))
    files = [str(path) for path in tmp_path.rglob("*.nix") if path.name != "extra.nix"]
    done = subprocess.run(["nixfmt", "--check", *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
