from __future__ import annotations

import pytest

from tests.modules.drbd_hosts import BACKING, PAIR, TRIO, ZVOL, host, member
from tests.modules.harness import failed_assertions, needs_nixpkgs_lib

pytestmark = needs_nixpkgs_lib

AT = "homelab.drbd.resources.vmstore on dl1"


def refusals(**of_host: str) -> list[str]:
    return failed_assertions(host(**of_host))


@pytest.mark.parametrize("name", ["dl1", "dl2"])
def test_a_volume_with_a_witness_is_fine(name: str) -> None:
    assert refusals(name=name) == []


def test_a_pair_on_8_4_is_fine() -> None:
    assert refusals(resource=f"{PAIR} {BACKING}", version="8.4") == []


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (
            TRIO.replace("dl1 =", "dl4 ="),
            (
                f"{AT}: its hosts are dl2, dl3, dl4, and this host is none of them; "
                "add it to hosts, or take the resource out here"
            ),
        ),
        (
            f"hosts = {{ dl1 = {member(0, None)}; dl2 = {member(1, None)}; dl3 = {member(2, None)}; }};",
            f"{AT}: no host holds its data; give at least one of its hosts a disk",
        ),
        (
            TRIO.replace("10.10.20.13", "10.10.20.12"),
            f"{AT}: dl2, dl3 have the same address; give each its own",
        ),
        (TRIO.replace("nodeId = 2", "nodeId = 0"), f"{AT}: dl1, dl3 have the same nodeId; give each its own"),
        (
            f'{TRIO} allowTwoPrimaries = true; protocol = "A";',
            (f"{AT}: two primaries need protocol C and it is A; set protocol to C, or allowTwoPrimaries to false"),
        ),
        (
            PAIR.replace('"off"', '"majority"'),
            (
                f"{AT}: with two hosts there is no majority when one is away, and the volume stops; "
                "add a third host as witness (one without a disk), or set quorum to off"
            ),
        ),
        (
            f"{TRIO} {BACKING}".replace(ZVOL, "/dev/sdb1"),
            (
                f"{AT}: the zvol tank/drbd/vmstore is made, but the disk of dl1 is /dev/sdb1; "
                "set it to /dev/zvol/tank/drbd/vmstore, or backing to null"
            ),
        ),
    ],
)
def test_a_volume_that_cannot_work_is_refused(resource: str, message: str) -> None:
    assert refusals(resource=resource) == [message]


def test_8_4_says_what_it_cannot_do() -> None:
    assert refusals(resource=TRIO, version="8.4") == [
        (f'{AT}: DRBD 8.4 knows two hosts and it has dl1, dl2, dl3; take some out, or set homelab.drbd.version to "9"'),
        f'{AT}: DRBD 8.4 has no witness; give every host a disk, or set homelab.drbd.version to "9"',
        f'{AT}: DRBD 8.4 has no quorum; set quorum to off, or homelab.drbd.version to "9"',
    ]


def test_volumes_share_neither_minor_nor_port() -> None:
    second = f'homelab.drbd.resources.b = {{ minor = 0; port = 7789; interface = "eno1.20"; {TRIO} }};'

    assert refusals(also=second) == [
        "homelab.drbd.resources on dl1: b, vmstore have the same minor; give each its own",
        "homelab.drbd.resources on dl1: b, vmstore have the same port; give each its own",
    ]


def test_a_kernel_that_drbd_does_not_build_on_is_refused() -> None:
    kernel = """boot.kernelPackages = pkgs.linuxPackages_6_18 // {
      drbd = pkgs.linuxPackages_6_18.drbd // { meta.broken = true; };
    };"""

    assert refusals(also=kernel) == [
        (
            "homelab.drbd on dl1: DRBD 9 does not build on Linux 6.18.10; choose another series in "
            'homelab.base.kernel, for instance "6.12", or set homelab.drbd.version to "8.4"'
        ),
    ]


def test_a_secret_nobody_made_is_asked_for() -> None:
    said = refusals(resource=f"{TRIO} sharedSecret = true;", also="homelab.secrets.directory = ./.;")

    assert len(said) == 1
    assert "drbd-vmstore.yaml is missing (the password between the hosts of the DRBD volume vmstore)" in said[0]
