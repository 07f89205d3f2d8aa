"""Reports of nixos-facter: what they tell of a machine, and what they do not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyhomelab.errors import Refused
from pyhomelab.facts.facter import LARGEST_REPORT, facts_of_report, read_report
from pyhomelab.facts.suggestion import suggestion
from tests.recordings import NETWORKS, REPORT

if TYPE_CHECKING:
    from pathlib import Path

HINT = "make one on the machine: `sudo nix run nixpkgs#nixos-facter -- -o facter.json`"


def report(**changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(REPORT.read_text())
    return data | changes


def with_hardware(**changes: Any) -> dict[str, Any]:
    return report(hardware=report()["hardware"] | changes)


def test_a_report_says_what_the_machine_itself_would() -> None:
    facts = read_report(REPORT)
    assert (facts.architecture, facts.firmware, facts.cpu_threads) == ("x86_64", "uefi", 12)
    assert (facts.virtualization, facts.memory, facts.product) == ("svm", 32 << 30, "LENOVO 11JRS00A00")
    assert facts.cpu_model == "AMD Ryzen 5 PRO 4650GE with Radeon Graphics"
    stick, disk = facts.disks
    assert (stick.name, stick.removable, stick.uses) == ("sda", True, ("the medium that the machine booted from",))
    assert (disk.size, disk.model, disk.serial) == (500107862016, "Samsung SSD 970 EVO Plus 500GB", "S4EVNX0N123456")
    assert disk.by_id[0] == "/dev/disk/by-id/nvme-Samsung_SSD_970_EVO_Plus_500GB_S4EVNX0N123456"
    assert [(nic.name, nic.driver, nic.bus, nic.mac) for nic in facts.nics] == [("enp1s0", "r8169", "pci", None)]


def test_what_a_report_does_not_tell_is_said() -> None:
    facts = read_report(REPORT)
    assert facts.missing == (
        "the MAC addresses and links of its network cards: a report has none",
        "what lies on its disks, and what uses them: a report does not say it",
    )
    assert not facts.knows_contents


def test_no_disk_of_a_report_is_chosen_for_the_system_since_nobody_told_what_lies_on_it() -> None:
    made = suggestion("mini", read_report(REPORT), NETWORKS)
    assert made.choices == ("disk", "network of enp1s0")
    assert "    # Disks of which nobody told what uses them, by the names to write:\n" in made.text
    assert "serial number S4EVNX0N123456: contents unknown\n" in made.text
    assert made.lines[0] == "  mini:  # LENOVO 11JRS00A00: AMD Ryzen 5 PRO 4650GE with Radeon Graphics"


def test_an_old_report_leaves_the_firmware_open() -> None:
    data = report()
    del data["uefi"]
    facts = facts_of_report(data)
    assert (facts.firmware, facts.missing[-1]) == (None, "its firmware: this report does not say it")
    assert "      firmware: CHOOSE  # uefi or bios: nobody said it\n" in suggestion("mini", facts, NETWORKS).text


@pytest.mark.parametrize(
    ("system", "uefi", "firmware"),
    [("x86_64-linux", {"supported": False}, "bios"), ("aarch64-linux", {"supported": False}, None)],
)
def test_what_has_no_uefi_is_a_bios_on_a_pc_alone(system: str, uefi: object, firmware: str | None) -> None:
    assert facts_of_report(report(system=system, uefi=uefi)).firmware == firmware


def test_memory_without_smbios_is_what_the_kernel_found_rounded_up() -> None:
    assert facts_of_report(report(smbios={})).memory == 32 << 30
    assert facts_of_report(with_hardware(memory=[]) | {"smbios": {}}).memory is None


def test_two_processors_count_together() -> None:
    cpu = report()["hardware"]["cpu"][0]
    facts = facts_of_report(with_hardware(cpu=[cpu, None, cpu | {"features": ["vmx"]}]))
    assert (facts.cpu_threads, facts.virtualization) == (24, "vmx")
    assert facts_of_report(with_hardware(cpu=[])).cpu_threads is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"system": "x", "hardware": 1}', "\xff", "[" * 100_000])
def test_what_is_no_report_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "facter.json"
    file.write_text(text, encoding="latin-1")
    with pytest.raises(Refused) as refused:
        read_report(file)
    assert str(refused.value) == f"{file}: is no report of nixos-facter; {HINT}"


def test_a_file_that_is_missing_or_huge_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        read_report(tmp_path / "none.json")
    assert str(refused.value) == f"{tmp_path}/none.json: cannot be read: no such file or directory"
    huge = tmp_path / "huge.json"
    with huge.open("wb") as file:
        file.truncate(LARGEST_REPORT + 1)
    with pytest.raises(Refused) as refused:
        read_report(huge)
    assert str(refused.value) == f"{huge}: is larger than 16 MiB, which no report is"


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # other work may be at hand
@given(st.sampled_from(["cpu", "memory", "disk", "network_interface"]), ANYTHING)
def test_a_report_may_hold_anything_anywhere(part: str, value: object) -> None:
    facts = facts_of_report(with_hardware(**{part: value}))
    assert facts_of_report(report()) == replace(
        facts,
        cpu_model=facts_of_report(report()).cpu_model,
        cpu_threads=12,
        virtualization="svm",
        disks=facts_of_report(report()).disks,
        nics=facts_of_report(report()).nics,
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # other work may be at hand
@given(st.sampled_from(["disk", "network_interface"]), st.sampled_from(["name", "size", "links"]), ANYTHING)
def test_a_device_of_a_report_may_have_anything_for_a_value(part: str, which: str, value: object) -> None:
    keys = {"name": "unix_device_name", "size": "resources", "links": "unix_device_names"}
    devices = [device | {keys[which]: value} for device in report()["hardware"][part]]
    facts = facts_of_report(with_hardware(**{part: devices}))
    assert suggestion("mini", facts, NETWORKS).lines[1] == "    cpu_threads: 12"
