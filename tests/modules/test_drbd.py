from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.modules.drbd_hosts import (
    BACKING,
    DRBDADM,
    DRIVERS,
    PAIR,
    TRIO,
    ZVOL,
    ask,
    host,
    member,
    needs_drbdadm,
    parsed,
    text,
)
from tests.modules.harness import evaluate, needs_nixpkgs_lib, values_set

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_nixpkgs_lib

SHAPES = {
    "two copies and a witness": (f"{TRIO} {BACKING}", "9"),
    "three copies": (f"hosts = {{ dl1 = {member(0)}; dl2 = {member(1)}; dl3 = {member(2)}; }};", "9"),
    "two hosts": (PAIR, "9"),
    "everything said": (
        f'{PAIR} protocol = "C"; rate = "100M"; allowTwoPrimaries = true; onNoQuorum = "suspend-io";',
        "9",
    ),
    "without quorum": (f'{TRIO} quorum = "off"; protocol = "A";', "9"),
    "IPv6": (PAIR.replace("10.10.20.11", "fd00::11").replace("10.10.20.12", "fd00::12"), "9"),
    "8.4": (f"{PAIR} {BACKING}", "8.4"),
    "8.4 with everything said": (f'{PAIR} rate = "100M"; allowTwoPrimaries = true;', "8.4"),
}


# The resource's file


@needs_drbdadm
@pytest.mark.parametrize("shape", SHAPES)
def test_drbdadm_understands_every_shape(tmp_path: Path, shape: str) -> None:
    resource, version = SHAPES[shape]
    done = parsed(tmp_path, text(resource=resource, version=version), version)

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@needs_drbdadm
@pytest.mark.parametrize(
    ("found", "replaced", "complaint"),
    [
        ("protocol C;", "protocoll C;", "but got 'protocoll'"),
        ("node-id 1;", "node-id 0;", "conflicting use of node-id"),
        ("10.10.20.12", "10.10.20.11", "is used for both endpoints"),
        ("hosts dl1 dl2 dl3;", "hosts dl1 dl2 dl4;", "dl4"),
    ],
)
def test_drbdadm_finds_a_mistake(tmp_path: Path, found: str, replaced: str, complaint: str) -> None:
    good = text()
    done = parsed(tmp_path, good.replace(found, replaced))

    assert found in good
    assert done.returncode != 0
    assert complaint in done.stderr


@needs_drbdadm
def test_8_4_would_refuse_the_words_of_9(tmp_path: Path) -> None:
    assert parsed(tmp_path, text(), "8.4").returncode != 0


@needs_drbdadm
def test_the_device_is_found_by_the_volumes_name(tmp_path: Path) -> None:
    file = tmp_path / "drbd.conf"
    file.write_text(text())
    asked = subprocess.run(
        [str(DRBDADM), "-c", str(file), "sh-udev", "minor-0"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"DRBD_DRIVER_VERSION_OVERRIDE": DRIVERS["9"], "__DRBD_NODE__": "dl1"},
    )

    assert "SYMLINK=drbd/by-res/vmstore/0" in asked.stdout.splitlines()


def test_a_witness_has_no_disk_in_the_file() -> None:
    assert text().split("on dl3 {")[1].split("}")[0].split() == [
        "node-id",
        "2;",
        "address",
        "ipv4",
        "10.10.20.13:7789;",
        "volume",
        "0",
        "{",
        "device",
        "minor",
        "0;",
        "disk",
        "none;",
    ]


def test_quorum_is_a_matter_of_9() -> None:
    nine = text(resource=f'{TRIO} onNoQuorum = "suspend-io";')

    assert "quorum majority;" in nine
    assert "on-no-quorum suspend-io;" in nine
    assert "quorum" not in text(resource=PAIR, version="8.4")


def test_two_hosts_write_at_once_only_where_it_is_asked_for() -> None:
    assert "allow-two-primaries" not in text()
    assert "allow-two-primaries yes;" in text(resource=f"{TRIO} allowTwoPrimaries = true;")


def test_the_configuration_names_each_resource_by_its_full_path() -> None:
    assert ask('config.environment.etc."drbd.conf".text') == (
        'global {\n    usage-count no;\n}\n\ninclude "/etc/drbd.d/vmstore.res";\n'
    )


# The secret


SECRET = f"{TRIO} sharedSecret = true;"


def test_a_resource_with_a_secret_is_not_in_etc() -> None:
    select = """[ (lib.attrNames config.environment.etc) config.environment.etc."drbd.conf".text ]"""
    files, main = ask(select, resource=SECRET)

    assert "drbd.d/vmstore.res" not in files
    assert 'include "/run/secrets/rendered/drbd-vmstore.res";' in main


def test_the_secret_is_a_placeholder_until_the_host_decrypts_it() -> None:
    content, placeholder, units = ask(
        """[
          config.sops.templates."drbd-vmstore.res".content config.sops.placeholder.drbd-vmstore
          config.sops.templates."drbd-vmstore.res".reloadUnits
        ]""",
        resource=SECRET,
    )

    assert f'shared-secret "{placeholder}";' in content
    assert "cram-hmac-alg sha256;" in content
    assert placeholder.startswith("<SOPS:")
    assert units == ["homelab-drbd-vmstore.service"]


@needs_drbdadm
@pytest.mark.parametrize("version", ["9", "8.4"])
def test_drbdadm_understands_the_resource_with_its_secret(tmp_path: Path, version: str) -> None:
    select = '[ config.sops.templates."drbd-vmstore.res".content config.sops.placeholder.drbd-vmstore ]'
    content, placeholder = ask(select, resource=f"{PAIR} sharedSecret = true;", version=version)
    done = parsed(tmp_path, content.replace(placeholder, "x" * 63), version)

    assert done.returncode == 0, done.stderr


def test_the_secret_is_asked_for() -> None:
    assert ask("config.homelab.secrets.needed.drbd-vmstore.usedFor", resource=SECRET) == (
        "the password between the hosts of the DRBD volume vmstore"
    )


# The kernel and the host


def test_9_brings_its_module_and_a_kernel_it_builds_on() -> None:
    select = """[
      config.boot.kernelPackages.kernel.version (map (p: p.name) config.boot.extraModulePackages)
      config.boot.kernelModules
    ]"""

    assert ask(select) == ["6.12.60", ["drbd-6.12.60"], ["drbd", "drbd_transport_tcp"]]


def test_the_kernel_may_be_chosen() -> None:
    module = host(also="boot.kernelPackages = pkgs.linuxPackages_6_18;")

    assert evaluate(module, "config.boot.kernelPackages.kernel.version") == "6.18.10"


def test_8_4_is_the_kernels_own_module() -> None:
    select = """[
      config.boot.kernelPackages.kernel.version (map (p: p.name) config.boot.extraModulePackages)
      config.boot.kernelModules
    ]"""

    assert ask(select, resource=PAIR, version="8.4") == ["6.18.10", [], ["drbd"]]


def test_the_kernel_calls_drbdadm_where_nixos_has_it() -> None:
    assert ask("config.boot.extraModprobeConfig") == (
        "options drbd usermode_helper=/run/current-system/sw/bin/drbdadm\n"
    )


def test_the_port_is_open_on_the_volumes_interface_only() -> None:
    select = """[
      config.networking.firewall.interfaces."eno1.20".allowedTCPPorts
      config.networking.firewall.allowedTCPPorts
    ]"""

    assert ask(select) == [[7789], []]


def test_two_volumes_share_an_interface() -> None:
    second = f'homelab.drbd.resources.b = {{ minor = 1; port = 7790; interface = "eno1.20"; {TRIO} }};'

    ports = ask('config.networking.firewall.interfaces."eno1.20".allowedTCPPorts', also=second)
    assert sorted(ports) == [7789, 7790]


# Units


def environment(**of_host: str) -> dict[str, str]:
    variables: dict[str, str] = ask("config.systemd.services.homelab-drbd-vmstore.environment", **of_host)
    return variables


def test_the_unit_knows_what_this_host_holds() -> None:
    assert environment() == {
        "RESOURCE": "vmstore",
        "MINOR": "0",
        "VERSION": "9",
        "DISK": ZVOL,
        "DATASET": "tank/drbd/vmstore",
        "SIZE": "200G",
    }


def test_a_witness_holds_nothing() -> None:
    held = environment(name="dl3", resource=TRIO)

    assert [held["DISK"], held["DATASET"], held["SIZE"]] == ["", "", ""]


def test_a_deploy_never_stops_a_volume() -> None:
    select = """let s = config.systemd.services.homelab-drbd-vmstore; in [
      s.reloadIfChanged s.serviceConfig.RemainAfterExit s.serviceConfig.Type
      (s.serviceConfig.ExecStart == s.serviceConfig.ExecReload) (lib.head s.reloadTriggers)
    ]"""

    assert ask(select) == [True, True, "oneshot", True, text()]


def test_a_volume_waits_for_its_pool_and_its_network() -> None:
    lines = ask('config.systemd.units."homelab-drbd-vmstore.service".text').splitlines()

    assert "After=network-online.target zfs-import-tank.service homelab-zfs-datasets-tank.service" in lines
    assert not [line for line in lines if line.startswith("Requires")]


@pytest.mark.parametrize(("name", "decides"), [("dl1", True), ("dl2", False), ("dl3", False)])
def test_the_first_host_with_data_decides_the_first_synchronisation(name: str, *, decides: bool) -> None:
    resource = TRIO if name == "dl3" else f"{TRIO} {BACKING}"
    units = ask("lib.attrNames config.systemd.services", name=name, resource=resource)

    assert ("homelab-drbd-vmstore-first-sync" in units) is decides


def test_a_witness_with_the_lowest_node_id_decides_nothing() -> None:
    resource = TRIO.replace("nodeId = 2", "nodeId = 9").replace("nodeId = 0", "nodeId = 5")

    units = ask("lib.attrNames config.systemd.services", name="dl2", resource=resource)
    assert "homelab-drbd-vmstore-first-sync" in units


@pytest.mark.parametrize(("backing", "equal"), [(BACKING, "true"), ("", "false")])
def test_only_new_zvols_count_as_equal(backing: str, equal: str) -> None:
    select = "config.systemd.services.homelab-drbd-vmstore-first-sync.environment"

    assert ask(select, resource=f"{TRIO} {backing}") == {
        "RESOURCE": "vmstore",
        "REPLICAS": "2",
        "EQUAL_WHEN_NEW": equal,
    }


VERIFY = 'verify = "Sun *-*-1..7 04:00:00";'


def test_the_copies_are_compared_by_one_host() -> None:
    select = """let u = "homelab-drbd-vmstore-verify"; in
      [ (config.systemd.timers.${u}.timerConfig or null) (config.systemd.services.${u}.restartIfChanged or null) ]
    """

    assert ask(select, resource=f"{TRIO} {VERIFY}") == [
        {"OnCalendar": "Sun *-*-1..7 04:00:00", "Persistent": True},
        False,
    ]
    assert ask(select, name="dl2", resource=f"{TRIO} {VERIFY}") == [None, None]


@pytest.mark.parametrize(
    ("resource", "version", "targets"),
    [(TRIO, "9", ["vmstore:dl2/0"]), (PAIR, "8.4", ["vmstore"])],
)
def test_the_witness_is_not_compared_with(resource: str, version: str, targets: list[str]) -> None:
    select = "config.systemd.services.homelab-drbd-vmstore-verify.serviceConfig.ExecStart"

    assert ask(select, resource=f"{resource} {VERIFY}", version=version).split()[1:] == targets


def test_the_time_of_the_comparison_is_a_calendar_expression() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze on PATH: install the Debian package systemd")
    time = ask("config.systemd.timers.homelab-drbd-vmstore-verify.timerConfig.OnCalendar", resource=f"{TRIO} {VERIFY}")

    done = subprocess.run(["systemd-analyze", "calendar", time], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("resource", "version"), [(f"{TRIO} {BACKING} {VERIFY}", "9"), (PAIR, "8.4")])
def test_every_option_it_sets_exists(resource: str, version: str) -> None:
    assert "environment.etc" in values_set(host(resource=resource, version=version))


def test_nothing_is_set_until_it_is_enabled() -> None:
    module = host().replace("enable = true;", "")

    assert evaluate(module, "[ config.boot.kernelModules config.environment.etc config.systemd.services ]") == [
        [],
        {},
        {},
    ]
