"""`pyhomelab build --build-on host` on real hosts: each builds its own system, from what is evaluated here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.lab.needs import missing_for_systems
from tests.lab.told import Admin

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.hosts import LabHost

pytestmark = [
    pytest.mark.nix,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]

NEW = 'environment.etc.new.text = "built on the host";'


@pytest.fixture
def admin(installed_hosts: dict[str, LabHost], lab_directory: Path, tmp_path: Path) -> Admin:
    return Admin(lab_directory, tmp_path / "home", installed_hosts)


def settings(admin: Admin, name: str, text: str) -> None:
    (admin.directory / "hosts" / name / "extra.nix").write_text(f"{{ lib, pkgs, ... }}:\n{{\n{text}\n}}\n")


def test_a_host_builds_its_own_system_and_keeps_it(admin: Admin) -> None:
    settings(admin, "n1", NEW)
    told = admin.tells("build", "--build-on", "host", "--host", "n1")
    assert told.code == 0, told.err
    (toplevel,) = told.out
    assert f"n1: built there: {toplevel}" in told.err
    n1 = admin.hosts["n1"]
    n1.run("nix-collect-garbage")
    assert n1.said(f"cat {toplevel}/etc/new") == "built on the host"
    assert not (admin.directory / ".pyhomelab/gcroots").exists()


def test_json_tells_that_a_system_is_on_its_host(admin: Admin) -> None:
    told = admin.tells("build", "--build-on", "host", "--host", "n1", "--json")
    n1 = json.loads("\n".join(told.out))["hosts"]["n1"]
    assert (n1["state"], n1["signed"], n1["on_host"]) == ("built", False, True)


def test_a_host_that_cannot_build_or_be_reached_keeps_no_other_from_building(admin: Admin) -> None:
    for name in ("n1", "n2", "n3"):
        settings(admin, name, NEW)
    settings(
        admin,
        "n2",
        'environment.etc.broken.source = derivation { name = "broken"; system = "x86_64-linux"; '
        'builder = "/bin/sh"; args = [ "-c" "echo it is broken >&2; exit 1" ]; };',
    )
    admin.hosts["n3"].cut_network()
    told = admin.tells("build", "--build-on", "host")
    assert told.code == 4
    assert [path.partition("-")[2].partition("-")[0] for path in told.out] == ["nixos"]
    assert any(line.endswith("> it is broken") and line.startswith("n2:") for line in told.err)
    address = admin.hosts["n3"].address
    assert any(line.startswith(f"n3:   root@{address} cannot be reached: ") for line in told.err), "\n".join(told.err)
    assert told.err[-1] == ("n2 and n3 could not be built; next, when that is mended: pyhomelab build --on n2,n3")


def test_a_host_with_another_key_than_the_pinned_one_is_given_nothing(admin: Admin) -> None:
    keys = admin.directory / "hosts/secrets/hosts"
    (keys / "n1.pub").write_text((keys / "n2.pub").read_text())
    told = admin.tells("build", "--build-on", "host", "--host", "n1")
    assert (told.code, told.out) == (4, [])
    assert any(
        line.startswith("n1:   root@") and "but " in line and "n1.pub has ssh-ed25519" in line for line in told.err
    ), told.err


def test_a_host_behind_another_is_reached_over_it(admin: Admin) -> None:
    settings(admin, "n2", NEW)
    inventory = admin.directory / "hosts/inventory.yaml"
    lab = json.loads(inventory.read_text())
    lab["hosts"]["n2"]["ssh"] = {"jump": "n1"}
    inventory.write_text(json.dumps(lab))
    told = admin.tells("build", "--build-on", "host", "--host", "n2")
    assert told.code == 0, told.err
    assert (
        "Accepted publickey for root from " + admin.hosts["n1"].address
        in admin.hosts["n2"].inside("journalctl -u 'ssh*' -o cat").stdout
    )
