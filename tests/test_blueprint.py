"""What a flake says of the installation of a machine, by a real Nix over a small flake."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyhomelab.errors import Refused
from pyhomelab.installing.blueprint import blueprint
from pyhomelab.process import Children
from tests.flakes import needs_nix
from tests.modules.harness import evaluate, needs_nixpkgs_lib
from tests.modules.sources import checkout

if TYPE_CHECKING:
    from pathlib import Path

    from pyhomelab.installing.blueprint import Blueprint

pytestmark = [pytest.mark.nix, needs_nix]

FLAKE = """{
  outputs = _:
    let
      made = name: derivation { inherit name; system = "x86_64-linux"; builder = "/bin/sh"; };
    in
    {
      nixosConfigurations."dl1".config = {
        system.build = {
          toplevel = made "nixos-system-dl1";
          diskoScript = made "disko";
          mountScript = made "disko-mount";
        };
        disko.devices.disk = {
          system.device = "/dev/disk/by-id/ata-SYSTEM_1";
          tank-0 = { device = "/dev/disk/by-id/ata-DATA_11"; content = throw "not asked for"; };
        };
        sops.secrets = {
          zfs-dl1-tank.path = "/run/secrets/zfs-dl1-tank";
          zfs-dl1-other = throw "not asked for";
        };
      };
      nixosConfigurations.dl2.config = throw "homelab.zfs on dl2: no pool";
    };
}
"""


def asked(directory: Path, machine: str, *keys: str) -> Blueprint:
    """Ask the flake for a machine."""
    (directory / "flake.nix").write_text(FLAKE)
    with Children() as children:
        return blueprint(f"path:{directory}", machine, keys, children)


def test_the_disks_that_are_erased_and_what_erases_them_are_asked_of_the_flake_in_one_go(tmp_path: Path) -> None:
    found = asked(tmp_path, "dl1", "zfs-dl1-tank")
    assert sorted(found.disks) == ["/dev/disk/by-id/ata-DATA_11", "/dev/disk/by-id/ata-SYSTEM_1"]
    assert found.keys == {"zfs-dl1-tank": "/run/secrets/zfs-dl1-tank"}
    names = [one.out_path.partition("-")[2] for one in (found.system, found.erasing, found.mounting)]
    assert names == ["nixos-system-dl1", "disko", "disko-mount"]
    assert [
        one.drv_path.endswith(f"-{name}.drv")
        for one, name in zip((found.system, found.erasing, found.mounting), names, strict=True)
    ] == [True] * 3


def test_a_machine_without_an_encrypted_pool_is_asked_for_no_key(tmp_path: Path) -> None:
    assert asked(tmp_path, "dl1").keys == {}


def test_an_error_of_the_machine_is_said_and_nothing_is_begun(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        asked(tmp_path, "dl2")
    lines = str(refused.value).splitlines()
    assert lines[0] == "dl2: its installation cannot be evaluated"
    assert lines[-1].endswith("error: homelab.zfs on dl2: no pool; nothing was changed")


MACHINE = """{
  networking.hostName = "dl1";
  homelab.systemDisk = { enable = true; device = "/dev/disk/by-id/ata-SYSTEM_1"; firmware = "bios"; };
  homelab.zfs = {
    enable = true;
    hostId = "7b7ffd88";
    pools.tank = {
      encrypted = true;
      vdevs = [ { layout = "mirror"; disks = [ "/dev/disk/by-id/ata-DATA_11" "/dev/disk/by-id/ata-DATA_12" ]; } ];
    };
  };
  homelab.secrets.directory = ./.;
}"""


@needs_nixpkgs_lib
@pytest.mark.skipif(
    checkout("PYHOMELAB_DISKO", "disko") is None, reason="disko is not at hand (tools/get-inputs gets it)"
)
def test_the_modules_and_the_real_disko_have_what_is_asked_for() -> None:
    scripts, disks, key = evaluate(
        MACHINE,
        '[ (map (name: config.system.build ? ${name}) [ "diskoScript" "mountScript" ])'
        " (map (disk: disk.device) (builtins.attrValues config.disko.devices.disk))"
        " config.sops.secrets.zfs-dl1-tank.path ]",
    )
    assert scripts == [True, True]
    assert sorted(disks) == [f"/dev/disk/by-id/ata-{name}" for name in ("DATA_11", "DATA_12", "SYSTEM_1")]
    assert key == "/run/secrets/zfs-dl1-tank"
