from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.modules.harness import needs_nixpkgs_lib, script
from tests.modules.sources import ROOT
from tests.modules.standins import Outcome, run
from tests.modules.zfs_hosts import (
    DATASETS,
    MIRROR,
    ask,
    formatted,
    needs_disko,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [needs_nixpkgs_lib, needs_disko]

ENSURE = ROOT / "nix/modules/zfs/ensure-datasets.sh"

# Datasets


def test_disko_makes_the_datasets_with_their_limits(tmp_path: Path) -> None:
    made = formatted(tmp_path, DATASETS)

    assert made.status == 0, made.said
    assert made.called("zfs", "create") == [
        ["zfs", "create", "-up", "tank/guests", "-o", "mountpoint=none", "-o", "quota=none", "-o", "reservation=50G"],
        [
            "zfs",
            "create",
            "-up",
            "tank/media",
            "-o",
            "mountpoint=legacy",
            "-o",
            "quota=2T",
            "-o",
            "recordsize=1M",
            "-o",
            "reservation=none",
        ],
    ]


def test_only_datasets_with_a_mountpoint_are_mounted_and_never_hold_up_the_boot() -> None:
    select = "lib.mapAttrs (_: f: [ f.device f.fsType f.options ]) config.fileSystems"

    assert ask(select, DATASETS) == {
        "/tank/media": [
            "tank/media",
            "zfs",
            ["nofail"],
        ],
    }


def test_a_dataset_that_stage_1_mounts_does_not_wait_for_a_unit() -> None:
    tank = f'{MIRROR} datasets.var.mountpoint = "/var";'

    assert ask("config.systemd.services.homelab-zfs-datasets-tank.wantedBy", tank) == ["multi-user.target"]


def test_the_unit_of_the_datasets_runs_between_import_and_mounts() -> None:
    unit = ask('config.systemd.units."homelab-zfs-datasets-tank.service"', DATASETS)

    assert unit["wantedBy"] == ["multi-user.target", "tank-media.mount"]
    lines = unit["text"].splitlines()
    assert "Before=shutdown.target tank-media.mount" in lines
    assert "After=zfs-import-tank.service" in lines
    assert "Requires=zfs-import-tank.service" in lines
    assert "DefaultDependencies=false" in lines


@pytest.mark.parametrize("mountpoint", ["/srv/my-files", "/srv/a+b", "/srv/old.files", "/srv/two words", "/srv/a_b:c"])
def test_systemd_itself_names_the_mounts_so(mountpoint: str) -> None:
    if shutil.which("systemd-escape") is None:
        pytest.skip("no systemd-escape on PATH: install the Debian package systemd")
    tank = f'{MIRROR} datasets.data.mountpoint = "{mountpoint}";'
    command = ["systemd-escape", "--path", "--suffix=mount", mountpoint]
    name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert ask("config.systemd.services.homelab-zfs-datasets-tank.wantedBy", tank) == ["multi-user.target", name]


def dataset_script() -> str:
    service = "config.systemd.services.homelab-zfs-datasets-tank"
    return script(ask(f"{service}.serviceConfig.ExecStart", DATASETS))


def test_missing_datasets_are_made(tmp_path: Path) -> None:
    zfs = 'case "$1 $*" in "list "*tank/*) exit 1 ;; "get "*) printf "x\\tlocal\\n" ;; esac'
    made = run(dataset_script(), tmp_path, {"zfs": zfs})

    assert made.status == 0, made.said
    assert made.called("zfs", "create") == [
        [
            "zfs",
            "create",
            "-u",
            "-p",
            "-o",
            "mountpoint=none",
            "-o",
            "quota=none",
            "-o",
            "reservation=50G",
            "tank/guests",
        ],
        [
            "zfs",
            "create",
            "-u",
            "-p",
            "-o",
            "mountpoint=legacy",
            "-o",
            "quota=2T",
            "-o",
            "recordsize=1M",
            "-o",
            "reservation=none",
            "tank/media",
        ],
    ]


# ensure-datasets.sh, by itself


def ensured(tmp_path: Path, line: str, has: dict[str, str], extra: str = "") -> Outcome:
    """`line` on a dataset that is there and has these properties, each as value, tab, source."""
    values = " ".join(f'"{key}") printf "{value}\\n" ;;' for key, value in has.items())
    zfs = f'[ "$1" != get ] || case "$5" in {values} esac\n{extra}'
    return run(f"{ENSURE.read_text()}\n{line}\nfinish\n", tmp_path, {"zfs": zfs})


def test_a_dataset_that_is_as_declared_is_left_alone(tmp_path: Path) -> None:
    done = ensured(
        tmp_path,
        "ensure tank/media quota=1.5T mountpoint=legacy reservation=none acltype=posixacl xattr=sa lab:size=5G",
        {
            "quota": r"1649267441664\tlocal",
            "mountpoint": r"legacy\tlocal",
            "reservation": r"0\tdefault",
            "acltype": r"posix\tlocal",
            "xattr": r"on\tlocal",
            "lab:size": r"5G\tlocal",
        },
    )

    assert done.status == 0, done.said
    assert done.called("zfs", "set") == []
    assert done.called("zfs", "create") == []


def test_a_property_that_differs_is_set_without_unmounting(tmp_path: Path) -> None:
    done = ensured(tmp_path, "ensure tank/media quota=3T", {"quota": r"2199023255552\tlocal"})

    assert done.status == 0, done.said
    assert done.called("zfs", "set") == [["zfs", "set", "-u", "quota=3T", "tank/media"]]


def test_an_inherited_value_becomes_the_datasets_own(tmp_path: Path) -> None:
    done = ensured(tmp_path, "ensure tank/media atime=off", {"atime": r"off\tinherited from tank"})

    assert done.called("zfs", "set") == [["zfs", "set", "-u", "atime=off", "tank/media"]]


def test_a_property_of_creation_is_never_set_later(tmp_path: Path) -> None:
    done = ensured(tmp_path, "ensure tank/media encryption=on utf8only=on", {})

    assert done.status == 0, done.said
    assert done.called("zfs", "set") == []


def test_one_property_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    refuse = 'case "$*" in *quota*) [ "$1" != set ] ;; esac'
    done = ensured(tmp_path, "ensure tank/media quota=1G atime=off", {}, refuse)

    assert done.status == 1
    assert done.said == "tank/media keeps its old quota\n"
    assert done.called("zfs", "set")[-1] == ["zfs", "set", "-u", "atime=off", "tank/media"]


# Encryption


def test_an_encrypted_pool_takes_its_key_from_its_secret() -> None:
    select = """{
      inherit (config.disko.devices.zpool.tank.rootFsOptions) encryption keyformat keylocation;
      needed = config.homelab.secrets.needed.zfs-dl1-tank.usedFor;
    }"""

    assert ask(select, f"{MIRROR} encrypted = true;") == {
        "encryption": "aes-256-gcm",
        "keyformat": "hex",
        "keylocation": "file:///run/secrets/zfs-dl1-tank",
        "needed": "the key of the encrypted pool tank",
    }


def test_the_key_of_a_pool_is_no_property_of_a_later_boot() -> None:
    text = script(
        ask("config.systemd.services.homelab-zfs-datasets-tank.serviceConfig.ExecStart", f"{MIRROR} encrypted = true;")
    )

    assert "keylocation" not in text
