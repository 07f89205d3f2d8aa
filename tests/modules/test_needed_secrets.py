"""The modules ask for exactly the secrets that `pyhomelab secret` makes, on exactly the machines it makes them for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyhomelab.files.render import render
from pyhomelab.inventory.places import read_source
from pyhomelab.model import Inventory
from pyhomelab.secrets.needed import secrets_of
from tests.labs import Changes, lab
from tests.modules.harness import evaluate_many, needs_nixpkgs_lib
from tests.modules.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_nixpkgs_lib

INVENTORIES = [ROOT / "hosts", *sorted((ROOT / "hosts/examples").iterdir())]
COPIED = {"mountpoint": "/srv", "snapshots": {}, "replicate": {"host": "dl3", "pool": "tank"}}
AGENTS: Changes = {
    "clusters.home.servers": ["k8s-1"],
    "clusters.home.agents": ["k8s-2", "k8s-3"],
    "hosts.dl2.zfs.tank.encrypted": True,
    "hosts.dl1.zfs.tank.datasets": {"files": COPIED},
    "secrets": {"backup": {"machines": ["dl3", "k8s-2"], "owner": "nobody"}},
}


def asked_for(inventory: Inventory, directory: Path) -> dict[str, set[str]]:
    """The machines that ask for each secret, when the generated modules are evaluated."""
    machines = [*inventory.hosts, *inventory.guests]
    rendered = render(inventory)
    for path, text in (rendered.generated | rendered.owned).items():
        (directory / path).parent.mkdir(exist_ok=True)
        (directory / path).write_text(text)
    names = evaluate_many({name: directory / name for name in machines}, "lib.attrNames config.homelab.secrets.needed")
    found: dict[str, set[str]] = {}
    for machine, secrets in names.items():
        for secret in secrets:
            found.setdefault(secret, set()).add(machine)
    return found


def listed(inventory: Inventory) -> dict[str, set[str]]:
    return {secret.name: set(secret.hosts) for secret in secrets_of(inventory)}


@pytest.mark.parametrize("directory", INVENTORIES, ids=lambda path: path.name)
def test_the_machines_of_an_example_ask_for_the_secrets_that_are_listed(directory: Path, tmp_path: Path) -> None:
    inventory = Inventory.model_validate(read_source(directory).data)

    assert asked_for(inventory, tmp_path) == listed(inventory)


@pytest.mark.parametrize("distribution", ["k3s", "kubeadm"])
def test_machines_with_every_role_ask_for_the_secrets_that_are_listed(distribution: str, tmp_path: Path) -> None:
    inventory = lab(AGENTS | {"clusters.home.distribution": distribution})

    assert asked_for(inventory, tmp_path) == listed(inventory)
    assert len(listed(inventory)) == 6
