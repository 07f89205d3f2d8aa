from __future__ import annotations

import pytest

from tests.modules.harness import EvaluationError, evaluate, failed_assertions, needs_nixpkgs_lib
from tests.modules.kvm_guests import LAN, OTHER_UUID, ROOT_DISK, UUID, guest, machine

pytestmark = needs_nixpkgs_lib

WEB = guest("web", disks=ROOT_DISK.replace("k8s-1", "web"), more="", uuid=OTHER_UUID)
TWINS = f"{ROOT_DISK}|{ROOT_DISK.replace('k8s-1-root', 'k8s-1-more')}"
ON_DRBD = 'name = "data"; kind = "drbd"; resource = "vmstore";'
ON_DMZ = LAN.replace("br-lan", "br-dmz")
CARD = 'pci = [ "0000:03:00.0" ];'
HUGE = "hugepages = true;"

NAME = "must be lower-case letters, digits and inner dashes, at most 63, and not a number"


def disk(more: str, name: str = "root") -> str:
    return machine(guest(disks=f'name = "{name}"; {more}'))


# A configuration, what is wrong with it, the way out.
REFUSED = [
    (machine(guest("5")), f"guests.5.name: {NAME}", "rename the guest"),
    (machine(guest("K8S")), f"guests.K8S.name: {NAME}", "rename the guest"),
    (
        machine(guest(more=ON_DMZ)),
        "guests.k8s-1.interfaces: lan is on the bridge br-dmz, which homelab.kvm.bridges (br-lan) lacks",
        "add it there or choose another",
    ),
    (
        disk('kind = "file"; source = "/x";', name="as-long-as-twenty-one"),
        "guests.k8s-1.disks: as-long-as-twenty-one is longer than the 20 characters of a disk's serial number",
        "shorten its name",
    ),
    (
        machine(guest(disks=TWINS)),
        "guests.k8s-1.disks: two have the same name and would be one under /dev/disk/by-id",
        "rename one",
    ),
    (disk('kind = "file";'), "guests.k8s-1.disks: root has no source", "set source, dataset or resource"),
    (
        disk('kind = "zvol"; source = "/dev/zvol/tank/x";'),
        "guests.k8s-1.disks: root is a zvol without a dataset",
        "set dataset to the volume, such as tank/guests/k8s-1-root",
    ),
    (
        machine(guest()).replace('boot.supportedFilesystems = [ "zfs" ];', ""),
        "guests.k8s-1.disks: root is a zvol but this host has no ZFS",
        'set homelab.zfs.enable or use kind = "file"',
    ),
    (
        disk('kind = "drbd"; source = "/dev/drbd0";'),
        "guests.k8s-1.disks: root is on DRBD without a resource",
        "set resource to its name in homelab.drbd.resources",
    ),
    (
        machine(guest(disks=f'{ROOT_DISK} format = "qcow2";')),
        "guests.k8s-1.disks: root is a zvol in format qcow2",
        'volumes are raw, use kind = "file" for qcow2',
    ),
    (
        machine(guest(more=CARD)),
        "guests.k8s-1.pci: a PCI device can be handed over only with the IOMMU",
        "set homelab.kvm.iommu = true",
    ),
    (
        machine(guest(more=HUGE)),
        "guests.k8s-1.hugepages: this host sets none aside",
        "set homelab.kvm.hugepages or turn it off for the guest",
    ),
    (
        machine(guest(more=HUGE, memory=1500), "hugepages.count = 4;"),
        "guests.k8s-1.memoryMiB: 1500 is no whole number of 1G pages",
        "make it a multiple of 1024",
    ),
    (
        machine(guest(more=HUGE), "hugepages.count = 7;"),
        "hugepages: the guests that start with this host need 8192 MiB of them, 7168 MiB are set aside",
        "raise hugepages.count to 8",
    ),
    (
        machine("", 'vfioIds = [ "10de:1eb8" ];'),
        "vfioIds keeps devices for guests, which need the IOMMU",
        "set homelab.kvm.iommu = true or empty vfioIds",
    ),
    (
        machine(guest() + WEB.replace("web-root", "k8s-1-root")),
        "the disk /dev/zvol/tank/guests/k8s-1-root is used by k8s-1 and web",
        "two systems writing one disk destroy it; give each guest its own",
    ),
    (
        machine(guest() + guest("web", disks="", uuid=OTHER_UUID)),
        "the MAC address 52:54:00:12:34:56 is used by k8s-1 and web",
        "give each card its own",
    ),
    (
        machine(guest() + WEB.replace(OTHER_UUID, UUID)),
        f"the UUID {UUID} is used by k8s-1 and web",
        "give each guest its own",
    ),
    (
        machine(guest(more=CARD) + guest("web", disks="", more=CARD, uuid=OTHER_UUID), "iommu = true;"),
        "the PCI device 0000:03:00.0 is used by k8s-1 and web",
        "a device has one owner; take it from one of them",
    ),
]


@pytest.mark.parametrize(("module", "wrong", "way_out"), REFUSED, ids=[wrong for _, wrong, _ in REFUSED])
def test_a_guest_that_could_not_work_is_refused(module: str, wrong: str, way_out: str) -> None:
    assert failed_assertions(module) == [f"homelab.kvm on dl1: {wrong}; {way_out}"]


def test_a_guest_on_a_volume_this_host_does_not_carry_is_refused() -> None:
    module = machine(guest(disks=ON_DRBD), more="homelab.drbd.enable = true;")

    assert (
        "homelab.kvm on dl1: guests.k8s-1.disks: data is on vmstore, which homelab.drbd.resources of this host lacks; "
        "add it there or move the guest"
    ) in failed_assertions(module)


def test_a_whole_guest_is_not_refused() -> None:
    whole = guest(disks=f"{ROOT_DISK}|{ON_DRBD}", more=f"{HUGE} {CARD} {LAN}")

    assert failed_assertions(machine(whole + WEB, "iommu = true; hugepages.count = 8;")) == []


def test_guests_that_do_not_start_with_the_host_need_not_all_fit_its_hugepages() -> None:
    asleep = guest("web", disks="", more=f"{HUGE} autostart = false;", uuid=OTHER_UUID)

    assert failed_assertions(machine(guest(more=HUGE) + asleep, "hugepages.count = 8;")) == []


@pytest.mark.parametrize(
    "wrong",
    [
        'uuid = "K8S";',
        "memoryMiB = 0;",
        'firmware = "coreboot";',
        'pci = [ "03:00.0" ];',
        'disks = [ { name = "a b"; kind = "file"; source = "/x"; } ];',
        'disks = [ { name = "root"; kind = "file"; source = "x.qcow2"; } ];',
        'disks = [ { name = "root"; kind = "zvol"; dataset = "tank/x"; size = "60 GB"; } ];',
    ],
)
def test_a_value_of_the_wrong_form_is_refused_by_its_type(wrong: str) -> None:
    option = f"homelab.kvm.guests.a.{wrong.split(' ', 1)[0]}"

    with pytest.raises(EvaluationError, match=option.replace(".", r"\.")):
        evaluate(f"{{ homelab.kvm = {{ enable = true; guests.a = {{ {wrong} }}; }}; }}", f"config.{option}")
