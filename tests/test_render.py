"""From an inventory to files: what a person wrote arrives in Nix as it was written, and the files read well."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pyhomelab.files.render import MADE_BY, render
from pyhomelab.model import Inventory
from tests.test_nixlang import NASTY

needs_nix = pytest.mark.skipif(
    shutil.which("nix-instantiate") is None, reason="nix is not on PATH (tools/get-nix gets it)"
)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mHkY2h6hFRiHm3Iv6VZp3v0m2eY0mYQbqk0cT1Q9c"


def inventory(texts: list[str]) -> dict[str, Any]:
    """A lab with these texts in every field that takes free text."""
    numbered = {f"lab:p{number}": text for number, text in enumerate(texts)}
    dataset = {"properties": numbered}
    return {
        "lab": {"name": "home", "state_version": "26.05", "admins": [{"name": "mika", "ssh_keys": [f"{KEY} {text}" for text in texts]}]},
        "networks": {"lan": {"cidr": "10.0.0.0/24"}},
        "hosts": {
            "dl1": {
                "cpu_threads": "4",
                "memory": "8GiB",
                "boot": {"disk": "/dev/disk/by-id/x"},
                "links": {"eno1": {"network": "lan", "address": "10.0.0.2"}},
                "zfs": {
                    "tank": {"layout": "stripe", "disks": ["/dev/disk/by-id/a"], "properties": numbered, "datasets": {"a": dataset}}
                },
            },
        },
        "clusters": {
            "home": {
                "distribution": "k3s",
                "servers": ["dl1"],
                "extra_flags": texts,
                "registry_mirrors": {"docker.io": [f"https://m/{text.replace(' ', '+')}" for text in texts]},
            }
        },
    }  # fmt: skip


SELECT = """
let
  host = (import ./dl1/default.nix).homelab;
  pool = (import ./dl1/storage.nix).homelab.zfs.pools.tank;
in
{
  keys = (import ./lab.nix).homelab.base.admins.mika.sshKeys;
  flags = host.k3s.extraFlags;
  mirrors = host.k3s.registryMirrors."docker.io";
  pool = builtins.attrValues pool.properties;
  dataset = builtins.attrValues pool.datasets.a.properties;
}
"""
visible = st.characters(categories=["L", "M", "N", "P", "S"], include_characters=" ")
pieces = st.sampled_from([text for text in NASTY if text.isprintable()]) | st.text(visible, min_size=1, max_size=20)
printable = st.lists(pieces, min_size=1, max_size=3).map("".join).filter(str.strip)


@needs_nix
@settings(max_examples=40, deadline=None)
@given(st.lists(printable, min_size=5, max_size=10, unique=True))
def test_any_text_of_any_free_field_arrives_in_nix_as_it_was_written(texts: list[str]) -> None:
    data = inventory(texts)
    rendered = render(Inventory.model_validate(data))
    with tempfile.TemporaryDirectory() as directory:
        for path, text in rendered.generated.items():
            (Path(directory) / path).parent.mkdir(exist_ok=True)
            (Path(directory) / path).write_text(text)
        done = subprocess.run(
            ["nix-instantiate", "--eval", "--strict", "--json", "--expr", SELECT],
            cwd=directory, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "keys": data["lab"]["admins"][0]["ssh_keys"],
        "flags": texts,
        "mirrors": data["clusters"]["home"]["registry_mirrors"]["docker.io"],
        "pool": texts,
        "dataset": texts,
    }


@given(st.text(max_size=9), st.characters(categories=["Cc", "Cf", "Zl", "Zp"]), st.text(max_size=9))
def test_no_text_with_a_line_break_or_control_character_gets_that_far(before: str, control: str, after: str) -> None:
    with pytest.raises(ValidationError):
        Inventory.model_validate(inventory([before + control + after]))


def test_the_same_inventory_gives_the_same_bytes_and_every_file_says_from_what_it_came() -> None:
    model = Inventory.model_validate(inventory(["a"]))
    first, second = render(model, "lab.yaml"), render(model, "lab.yaml")
    assert first == second
    assert list(first.generated) == list(second.generated)
    assert first.generated["lab.nix"].startswith(f"{MADE_BY}lab.yaml; ")
    assert first.generated["dl1/default.nix"].startswith(f"{MADE_BY}../lab.yaml; ")
    assert first.owned.keys() == {"dl1/extra.nix"}


def test_the_order_of_entries_in_the_inventory_is_kept() -> None:
    data = inventory(["a"])
    data["hosts"] = dict.fromkeys(("zeta", "alpha"), data["hosts"]["dl1"])
    data["clusters"] = {}
    machines = [path.partition("/")[0] for path in render(Inventory.model_validate(data)).owned]
    assert machines == ["zeta", "alpha"]
