from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

from tests.modules.harness import evaluate, evaluate_many, needs_nixpkgs_lib
from tests.modules.kvm_guests import LAN, ROOT_DISK, UUID, guest, machine, needs_virsh, needs_xmllint
from tests.modules.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_nixpkgs_lib

IMAGE = 'name = "root"; kind = "file"; source = "/var/lib/libvirt/images/k8s-1.qcow2"; format = "qcow2"; size = "60G";'
REPLICATED = 'name = "data"; kind = "drbd"; resource = "vmstore";'
PCI = f'pci = [ "0000:03:1f.7" ]; {LAN}'
SHAPES = {
    "a zvol and UEFI": machine(guest()),
    "an image and BIOS": machine(guest(disks=IMAGE, more=f'firmware = "bios"; {LAN}')),
    "a replicated disk after a zvol": machine(guest(disks=f"{ROOT_DISK}|{REPLICATED}")),
    "pages of 1G": machine(guest(more=f"hugepages = true; {LAN}"), "hugepages.count = 8;"),
    "pages of 2M": machine(guest(more="hugepages = true;"), 'hugepages = { size = "2M"; count = 4096; };'),
    "a PCI device": machine(guest(more=PCI), "iommu = true;"),
    "the host's nearest CPU model": machine(guest(more='cpuModel = "host-model";')),
    "a named CPU model": machine(guest(more='cpuModel = "EPYC-Rome";')),
    "an installation CD": machine(guest(more='installer = "/var/lib/libvirt/images/nixos.iso";')),
    "neither disk nor network": machine(guest(disks="", more="")),
    "one processor": machine(guest().replace("cpus = 4;", "cpus = 1;")),
}


def xml_of(shape: str) -> str:
    texts = evaluate_many(SHAPES, 'config.environment.etc."homelab/guests/k8s-1.xml".text')
    text: str = texts[shape]
    return text


def domain_of(shape: str) -> ET.Element:
    return ET.fromstring(xml_of(shape))  # noqa: S314  our own text


def only(domain: ET.Element, path: str) -> ET.Element:
    (found,) = domain.findall(path)
    return found


def attributes(domain: ET.Element, path: str) -> dict[str, str]:
    return dict(only(domain, path).attrib)


def checked(directory: Path, text: str) -> list[subprocess.CompletedProcess[str]]:
    """What libvirt's schema and libvirt itself (its test driver) say of a domain."""
    file = directory / "guest.xml"
    file.write_text(text)
    commands = (
        ["virt-xml-validate", str(file), "domain"],
        ["virsh", "-c", "test:///default", "define", "--validate", str(file)],
    )
    return [subprocess.run(command, capture_output=True, text=True, check=False) for command in commands]


@needs_virsh
@needs_xmllint
@pytest.mark.parametrize("shape", SHAPES)
def test_libvirt_takes_a_guest_with(shape: str, tmp_path: Path) -> None:
    for done in checked(tmp_path, xml_of(shape)):
        assert done.returncode == 0, done.stdout + done.stderr


@needs_virsh
@needs_xmllint
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("bus='virtio'", "bus='virtioo'"),
        ("<devices>", "<devices><gadget/>"),
        ("<memory unit='MiB'>", "<memory unit='MibibytesPlease'>"),
        ("cache='none'", "cache='nothing'"),
    ],
)
def test_libvirt_would_refuse_a_broken_guest(right: str, wrong: str, tmp_path: Path) -> None:
    good = xml_of("a zvol and UEFI")
    assert right in good

    schema, libvirt = checked(tmp_path, good.replace(right, wrong))

    assert schema.returncode != 0
    assert libvirt.returncode != 0


def test_the_whole_domain_reads_like_this() -> None:
    assert (
        xml_of("an image and BIOS")
        == f"""\
<domain type='kvm'>
  <name>k8s-1</name>
  <uuid>{UUID}</uuid>
  <description>Made from the inventory; an edit is lost when the host next defines the guest.</description>
  <metadata>
    <homelab:guest host='dl1' xmlns:homelab='urn:pyhomelab:guest:1'/>
  </metadata>
  <memory unit='MiB'>8192</memory>
  <vcpu placement='static'>4</vcpu>
  <iothreads>1</iothreads>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <bios useserial='yes'/>
  </os>
  <features>
    <acpi/>
    <apic/>
    <vmport state='off'/>
  </features>
  <cpu check='none' migratable='on' mode='host-passthrough'>
    <topology cores='4' sockets='1' threads='1'/>
  </cpu>
  <clock offset='utc'>
    <timer name='rtc' tickpolicy='catchup'/>
    <timer name='pit' tickpolicy='delay'/>
    <timer name='hpet' present='no'/>
  </clock>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>restart</on_reboot>
  <on_crash>restart</on_crash>
  <pm>
    <suspend-to-mem enabled='no'/>
    <suspend-to-disk enabled='no'/>
  </pm>
  <devices>
    <emulator>/run/libvirt/nix-emulators/qemu-system-x86_64</emulator>
    <disk device='disk' type='file'>
      <driver cache='none' discard='unmap' io='threads' iothread='1' name='qemu' type='qcow2'/>
      <source file='/var/lib/libvirt/images/k8s-1.qcow2'/>
      <target bus='virtio' dev='vda'/>
      <serial>root</serial>
      <boot order='1'/>
    </disk>
    <interface type='bridge'>
      <mac address='52:54:00:12:34:56'/>
      <source bridge='br-lan'/>
      <model type='virtio'/>
      <driver name='vhost' queues='4'/>
    </interface>
    <controller model='qemu-xhci' type='usb'/>
    <serial type='pty'>
      <log append='on' file='/var/log/libvirt/qemu/k8s-1-console.log'/>
      <target port='0'/>
    </serial>
    <console type='pty'>
      <target port='0' type='serial'/>
    </console>
    <channel type='unix'>
      <target name='org.qemu.guest_agent.0' type='virtio'/>
    </channel>
    <rng model='virtio'>
      <backend model='random'>/dev/urandom</backend>
    </rng>
    <watchdog action='reset' model='i6300esb'/>
    <panic model='isa'/>
    <memballoon freePageReporting='on' model='virtio'>
      <stats period='10'/>
    </memballoon>
  </devices>
</domain>
"""
    )


def test_a_volume_is_a_block_device_without_a_page_cache_under_it() -> None:
    disks = domain_of("a replicated disk after a zvol").findall("devices/disk")

    assert [disk.get("type") for disk in disks] == ["block", "block"]
    assert [dict(only(disk, "source").attrib) for disk in disks] == [
        {"dev": "/dev/zvol/tank/guests/k8s-1-root"},
        {"dev": "/dev/drbd/by-res/vmstore/0"},
    ]
    for disk in disks:
        assert attributes(disk, "driver") == {
            "name": "qemu",
            "type": "raw",
            "cache": "none",
            "io": "native",
            "discard": "unmap",
            "iothread": "1",
        }


def test_disks_are_lettered_in_order_and_the_first_one_boots() -> None:
    disks = domain_of("a replicated disk after a zvol").findall("devices/disk")

    assert [only(disk, "target").get("dev") for disk in disks] == ["vda", "vdb"]
    assert [only(disk, "serial").text for disk in disks] == ["root", "data"]
    assert [[boot.get("order") for boot in disk.findall("boot")] for disk in disks] == [["1"], []]


def test_uefi_is_chosen_by_libvirt_and_takes_unsigned_boot_loaders() -> None:
    domain = domain_of("a zvol and UEFI")

    assert attributes(domain, "os") == {"firmware": "efi"}
    assert attributes(domain, "os/firmware/feature") == {"enabled": "no", "name": "secure-boot"}
    assert domain.find("os/loader") is None


@pytest.mark.parametrize(("shape", "size", "unit"), [("pages of 1G", "1", "GiB"), ("pages of 2M", "2", "MiB")])
def test_hugepages_back_the_memory_of_the_guest(shape: str, size: str, unit: str) -> None:
    assert attributes(domain_of(shape), "memoryBacking/hugepages/page") == {"size": size, "unit": unit}


@pytest.mark.parametrize("shape", ["pages of 1G", "a PCI device"])
def test_memory_that_cannot_be_given_back_has_no_balloon(shape: str) -> None:
    assert attributes(domain_of(shape), "devices/memballoon") == {"model": "none"}


def test_a_pci_device_is_taken_from_the_host_while_the_guest_runs() -> None:
    domain = domain_of("a PCI device")

    assert attributes(domain, "devices/hostdev") == {"mode": "subsystem", "type": "pci", "managed": "yes"}
    assert attributes(domain, "devices/hostdev/source/address") == {
        "domain": "0x0000",
        "bus": "0x03",
        "slot": "0x1f",
        "function": "0x7",
    }


def test_a_named_cpu_model_is_the_one_the_guest_gets_or_it_does_not_start() -> None:
    domain = domain_of("a named CPU model")

    assert attributes(domain, "cpu")["match"] == "exact"
    assert (only(domain, "cpu/model").text, attributes(domain, "cpu/model")) == ("EPYC-Rome", {"fallback": "forbid"})


def test_an_installation_cd_comes_after_the_disk_and_may_be_deleted() -> None:
    cd = only(domain_of("an installation CD"), "devices/disk[@device='cdrom']")

    assert attributes(cd, "boot") == {"order": "2"}
    assert attributes(cd, "source") == {
        "file": "/var/lib/libvirt/images/nixos.iso",
        "startupPolicy": "optional",
    }


def test_one_processor_has_one_queue() -> None:
    assert attributes(domain_of("one processor"), "devices/interface/driver") == {"name": "vhost"}


NASTY = ["<&>'\"", "]]>", "</name><devices/>", "a&amp;b", "${x} `id` $(id)", "ü — 蔵", "--><!--"]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Domains whose every free text is nasty."""
    words = tmp_path_factory.mktemp("hostile") / "words.json"
    words.write_text(json.dumps(NASTY))
    texts: list[str] = evaluate(
        "{ }",
        f"""
      map (nasty: import {ROOT}/nix/modules/kvm/domain.nix {{ inherit lib; }} {{
        name = nasty; host = nasty;
        guest = {{
          uuid = "{UUID}"; cpus = 1; memoryMiB = 64; firmware = "bios"; hugepages = false; pci = [ ];
          cpuModel = nasty; installer = "/" + nasty;
          disks = [ {{ name = nasty; kind = "file"; format = "raw"; source = "/" + nasty; }} ];
          interfaces = [ {{ name = nasty; bridge = nasty; mac = "52:54:00:12:34:56"; }} ];
        }};
      }}) (lib.importJSON {words})
    """,
    )
    return [
        {"nasty": nasty, "domain": ET.fromstring(text)}  # noqa: S314  our own text
        for nasty, text in zip(NASTY, texts, strict=True)
    ]


def test_no_text_of_a_guest_can_become_markup(hostile: list[dict[str, Any]]) -> None:
    for made in hostile:
        domain, nasty = made["domain"], made["nasty"]
        assert only(domain, "name").text == nasty
        assert only(domain, "metadata/{urn:pyhomelab:guest:1}guest").get("host") == nasty
        assert only(domain, "cpu/model").text == nasty
        assert only(domain, "devices/interface/source").get("bridge") == nasty
        assert [source.get("file") for source in domain.findall("devices/disk/source")] == [f"/{nasty}"] * 2
        assert only(domain, "devices/disk/serial").text == nasty
        assert only(domain, "devices/serial/log").get("file") == f"/var/log/libvirt/qemu/{nasty}-console.log"
