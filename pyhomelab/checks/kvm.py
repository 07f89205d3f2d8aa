"""Libvirt that answers, and guests that run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.checks.check import NOT_HERE, Check, script
from pyhomelab.decide.guests import disk_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.decide.overview import Overview

_ANSWERS = """
    virsh -c qemu:///system list --name >/dev/null
"""
_RUNS = """
    state=$(virsh -c qemu:///system domstate "$GUEST" --reason) || exit 1
    case $state in
    running*) exit 0 ;;
    esac
"""
# As homelab-guest does before it starts one: it may have moved to the host that has its volume open.
_RUNS_ELSEWHERE = f"""
    for volume in $VOLUMES; do
        while IFS= read -r line; do
            case $line in
            " "*role:Primary*)
                echo "another host has its volume $volume open, so it may run there"
                exit {NOT_HERE}
                ;;
            esac
        done <<END
    $(drbdadm status "$volume")
    END
    done
"""
_IS_NOT_RUNNING = """
    echo "it is $state"
    exit 1
"""
_DISKS_ARE_THERE = """
    code=0
    while IFS= read -r disk; do
        [ -e "$disk" ] || { echo "$disk is not there"; code=1; }
    done <<END
    $DISKS
    END
    exit "$code"
"""


def kvm_checks(overview: Overview, machine: str) -> Iterator[Check]:
    """Ask a hypervisor for its daemon and for every guest that starts with it."""
    host = overview.inventory.hosts.get(machine)
    if host is None or host.kvm is None:
        return
    mend = f"on {machine}, `systemctl restart libvirtd` (guests run on); `journalctl -eu libvirtd` says what is wrong"
    yield Check("libvirt answers", "kvm", script(_ANSWERS, needs=("virsh",)), patience=60, mend=mend)
    for name in overview.guests_of.get(machine, []):
        guest = overview.inventory.guests[name]
        if guest.autostart:
            volumes = [disk.volume for disk in guest.all_disks.values() if disk.volume is not None]
            yield _guest(machine, name, volumes)
        disks = [disk_source(name, disk_name, disk) for disk_name, disk in guest.all_disks.items()]
        if disks:
            yield _disks(machine, name, disks)


def _guest(machine: str, guest: str, volumes: list[str]) -> Check:
    text = _RUNS + (_RUNS_ELSEWHERE if volumes else "") + _IS_NOT_RUNNING
    values = {"GUEST": guest} | ({"VOLUMES": " ".join(volumes)} if volumes else {})
    needs = ("virsh", "drbdadm") if volumes else ("virsh",)
    unit = f"homelab-guest-{guest}"
    return Check(
        f"guest {guest} is running",
        "kvm",
        script(text, needs=needs, **values),
        patience=120,
        mend=f"on {machine}, `systemctl restart {unit}` starts it; `journalctl -eu {unit}` says why it does not run",
    )


def _disks(machine: str, guest: str, disks: list[str]) -> Check:
    unit = f"homelab-guest-{guest}"
    return Check(
        f"the disks of guest {guest} are there",
        "kvm",
        script(_DISKS_ARE_THERE, DISKS="\n".join(disks)),
        patience=10,
        mend=f"on {machine}, `journalctl -eu {unit}` says why they were not made; their pool or volume has to be there",
        deep=True,
    )
