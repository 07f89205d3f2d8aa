"""Pools, datasets, snapshots and copies as the modules emit them, with OpenZFS in kernels of their own.

Everything is made from the lab of the VM test: disko's own script partitions and makes the pools, the emitted units make
the datasets and the receiving end, the emitted policy is sanoid's.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.lab.emitted import Emitted, boot, emitted, make_pools, put_on, start
from tests.lab.needs import missing_for_vms
from tests.lab.vm_lab import together, vms
from tests.lab.vm_steps import Steps
from tests.modules.sources import ROOT
from tests.modules.zfs_hosts import needs_disko

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.vms import Vm

pytestmark = [
    needs_disko,
    pytest.mark.skipif(missing_for_vms() != "", reason=missing_for_vms() or "nothing is missing"),
    pytest.mark.mirrors("vm-zfs"),
]

LAB = ROOT / "vm-tests/labs/pools"
KEY = (ROOT / "vm-tests/lib/key/id_ed25519").read_text()
STEPS = Steps(LAB, "zfs", deep=True)
FIRST, SECOND, THIRD = "WD-WCC7K0000101", "WD-WCC7K0000102", "WD-WCC7K0000201"
FORGET = "zfs list -H -t snapshot -o name | xargs --no-run-if-empty --max-args=1 zfs destroy"
COPY = "vault/replica/alpha/tank/files"


@dataclass
class Pools:
    """The two hosts, with their pools made and imported."""

    alpha: Vm
    beta: Vm
    emitted: dict[str, Emitted]


@pytest.fixture(scope="module")
def both() -> Iterator[Pools]:
    """Alpha with two disks in a mirror, beta with one; use `pools`, which hands them over whole."""
    machines = emitted({name: LAB / name for name in ("alpha", "beta")})

    def installed(vm: Vm) -> None:
        put_on(vm, machines[vm.name])
        make_pools(vm, machines[vm.name])
        start(vm, machines[vm.name])
        STEPS.verify(vm)

    disks = {"alpha": {FIRST: 256, SECOND: 256}, "beta": {THIRD: 256}}
    addresses = {"alpha": "192.168.11.11/24", "beta": "192.168.11.12/24"}
    with vms({name: (addresses[name], disks[name]) for name in disks}) as up:
        together(installed, up.values())
        yield Pools(up["alpha"], up["beta"], machines)


@pytest.fixture
def pools(both: Pools) -> Pools:
    """Both hosts, on and well; files of other tests may be there."""
    for vm in (both.alpha, both.beta):
        if not vm.is_on:
            boot(vm, both.emitted[vm.name])
            STEPS.verify(vm)
    return both


def own(vm: Vm, dataset: str, names: list[str]) -> dict[str, str]:
    """Properties that a dataset has by itself, or by ZFS where nobody set them; none that it inherits."""
    lines = vm.said(f"zfs get -H -o property,value,source {','.join(names)} {dataset}").splitlines()
    fields = [line.split("\t") for line in lines]
    return {name: value for name, value, source in fields if not source.startswith("inherited")}


def spelled(vm: Vm, pool: str, options: dict[str, str]) -> dict[str, str]:
    """The same properties as ZFS says them: it has a word of its own for some values, such as posix for posixacl."""
    given = " ".join(f"-o {name}={value}" for name, value in options.items())
    vm.run(f"zfs create -u {given} {pool}/spelled")
    said = own(vm, f"{pool}/spelled", list(options))
    vm.run(f"zfs destroy {pool}/spelled")
    return said


def differing(vm: Vm, pool: str, described: dict[str, Any]) -> list[str]:
    """Every property of a pool and its datasets that is not as it was emitted."""
    found = []
    for name, value in described["options"].items():
        real = vm.said(f"zpool get -H -o value {name} {pool}")
        found += [f"{pool}: {name} is {real}, not {value}"] if real != value else []
    datasets = {pool: described["rootFsOptions"]}
    datasets |= {f"{pool}/{name}": options for name, options in described["datasets"].items()}
    for dataset, options in datasets.items():
        has, wanted = own(vm, dataset, list(options)), spelled(vm, pool, options)
        found += [
            f"{dataset}: {name} is {has.get(name)}, not {wanted[name]}"
            for name in options
            if has.get(name) != wanted[name]
        ]
    return found


def test_disko_makes_the_vdevs_of_the_inventory(pools: Pools) -> None:
    status = pools.alpha.said("zpool status -P tank")
    rows = [line.split()[0] for line in status.partition("NAME")[2].splitlines()[1:] if line.startswith("\t")]
    partitions = [pools.alpha.said(f"readlink -f /dev/disk/by-partlabel/disk-tank-{number}-zfs") for number in (0, 1)]
    assert [pools.alpha.said(f"readlink -f {row}") if row.startswith("/") else row for row in rows] == [
        "tank",
        "mirror-0",
        *partitions,
    ]
    assert "mirror" not in pools.beta.said("zpool status vault")


def test_every_property_is_as_emitted(pools: Pools) -> None:
    for vm in (pools.alpha, pools.beta):
        for pool, described in pools.emitted[vm.name].values["pools"].items():
            assert described["options"]
            assert described["rootFsOptions"]
            assert differing(vm, pool, described) == []


def test_a_property_that_drifts_is_seen_and_is_set_again_by_the_unit(pools: Pools) -> None:
    tank = pools.emitted["alpha"].values["pools"]["tank"]
    pools.alpha.run("zfs set compression=off tank; zfs set quota=64M tank/files")
    assert differing(pools.alpha, "tank", tank) == [
        "tank: compression is off, not zstd",
        "tank/files: quota is 64M, not none",
    ]
    pools.alpha.run("systemctl restart homelab-zfs-datasets-tank")
    assert differing(pools.alpha, "tank", tank) == []


def test_a_dataset_that_is_gone_is_made_again_and_a_run_without_need_changes_nothing(pools: Pools) -> None:
    vm = pools.alpha
    vm.run("umount /srv/files; zfs rename tank/files tank/away")
    assert STEPS.failing(vm)["dataset tank/files is mounted at /srv/files"].endswith("dataset does not exist")
    vm.run("systemctl restart homelab-zfs-datasets-tank")
    assert differing(vm, "tank", pools.emitted["alpha"].values["pools"]["tank"]) == []
    vm.run("zfs destroy -r tank/files; zfs rename tank/away tank/files; systemctl start srv-files.mount")
    everything = "zfs get -H -p all tank tank/files | grep -vE 'used|available|written|referenced|txg'"
    before, commands = vm.said(everything), vm.said("zpool history tank")
    vm.run("systemctl restart homelab-zfs-datasets-tank")
    assert vm.said(everything) == before
    assert vm.said("zpool history tank") == commands, "nothing is set that is so already"
    STEPS.verify(vm)


def test_what_was_written_is_there_after_the_power_failed(pools: Pools) -> None:
    pools.alpha.run("echo kept >/srv/files/power; sync")
    pools.alpha.lose_power()
    boot(pools.alpha, pools.emitted["alpha"])
    STEPS.verify(pools.alpha)
    assert (
        pools.alpha.said("cat /srv/files/power; findmnt --noheadings --output SOURCE /srv/files") == "kept\ntank/files"
    )


def test_a_snapshot_brings_back_what_was_overwritten(pools: Pools) -> None:
    pools.alpha.run(
        "echo kept >/srv/files/file; sync; zfs snapshot tank/files@before; echo lost >/srv/files/file; sync"
    )
    assert pools.alpha.said("cat /srv/files/file") == "lost"
    pools.alpha.run("zfs rollback -r tank/files@before")
    assert pools.alpha.said("cat /srv/files/file") == "kept"
    pools.alpha.run("zfs destroy tank/files@before")


def test_a_scrub_repairs_a_disk_that_rotted_and_the_check_tells_until_somebody_clears_it(pools: Pools) -> None:
    vm, errors = pools.alpha, "pool tank has no errors"
    vm.run("head -c 16M /dev/urandom >/srv/files/data; sync; sha256sum /srv/files/data >/root/sum")
    vm.run("zpool scrub -w tank")
    assert "scrub repaired 0B" in vm.said("zpool status tank")
    vm.run("umount /srv/files; zpool export tank")
    with vm.disk(SECOND).open("r+b") as disk:
        disk.seek(8 << 20)
        disk.write(b"\xa5" * (200 << 20))
    vm.run("systemctl restart zfs-import-tank; systemctl start srv-files.mount; zpool scrub -w tank")
    status = vm.said("zpool status tank")
    assert "scrub repaired 0B" not in status
    assert "with 0 errors" in status
    assert "errors: No known data errors" in status
    assert vm.said("sha256sum --check /root/sum") == "/srv/files/data: OK"
    assert errors in STEPS.failing(vm)
    vm.run("zpool clear tank; rm /srv/files/data")
    STEPS.verify(vm)


def test_damage_that_no_copy_can_mend_is_not_taken_for_good(pools: Pools) -> None:
    vm, line = pools.beta, b"this line is nowhere else\n"
    vm.run("zfs create -o compression=off -o mountpoint=/mnt/only vault/only")
    vm.run(f"yes '{line.decode().strip()}' | head -c 4M >/mnt/only/data; sync; zpool export vault")
    with vm.disk(THIRD).open("r+b") as disk:
        content = disk.read()
        disk.seek(content.index(line * 100))
        disk.write(b"\0" * len(line))
    vm.run("zpool import -d /dev/disk/by-id vault; zpool scrub -w vault")
    failing = STEPS.failing(vm)
    unread = vm.run("cat /mnt/only/data >/dev/null", check=False)
    vm.run("zfs destroy vault/only; zpool clear vault; zpool scrub -w vault; zpool scrub -w vault")
    assert (unread.returncode, unread.stdout) == (1, "cat: /mnt/only/data: Input/output error\n")
    assert sorted(failing) == [
        "pool vault has no errors",
        "pool vault was read in full in the last 40 days, without errors",
    ]
    STEPS.verify(vm)


def test_a_pool_without_one_of_its_disks_goes_on_and_its_check_fails_until_the_disk_is_back(pools: Pools) -> None:
    vm = pools.alpha
    disk = vm.said("zpool status -P tank | grep -o '/dev/[^ ]*' | head -n 1")
    vm.run(f"echo kept >/srv/files/file; sync; zpool offline tank {disk}")
    assert STEPS.failing(vm)["pool tank is ONLINE"] == "tank is DEGRADED"
    assert vm.said("cat /srv/files/file") == "kept"
    vm.run(f"zpool online tank {disk}")
    STEPS.verify(vm)


@contextmanager
def clock(vm: Vm) -> Iterator[None]:
    """The machine's clock may be moved; at the end it is right again."""
    try:
        yield
    finally:
        vm.run(f"date --set=@{time.time():.0f}")


def sanoid_conf(datasets: dict[str, dict[str, Any]]) -> str:
    """The policy as NixOS writes it for sanoid."""
    lines = []
    for dataset, settings in datasets.items():
        lines.append(f"[{dataset}]")
        lines += [f"{key}={str(value).lower()}" for key, value in settings.items() if key != "processChildrenOnly"]
    return "\n".join([*lines, ""])


def sanoid(vm: Vm, now: str) -> None:
    """What the timer starts, at this time."""
    vm.run(f"date --set='{now}'; TZ=UTC sanoid --cron --configdir /etc/emitted")


def kept(vm: Vm, dataset: str, kind: str) -> list[str]:
    """The hours, as 05:05, of the snapshots of a kind."""
    names = vm.said(f"zfs list -H -d 1 -t snapshot -o name -s creation {dataset}").splitlines()
    return [name.split("_")[2][:5] for name in names if name.endswith(f"_{kind}")]


def test_snapshots_are_taken_and_thinned_out_as_the_policy_says(pools: Pools) -> None:
    vm, policy = pools.alpha, pools.emitted["alpha"].values["sanoid"]
    assert (policy["tank/files"]["hourly"], policy["tank/files"]["yearly"]) == (4, 0)
    vm.install({"/etc/emitted/sanoid.conf": sanoid_conf(policy)})
    vm.run(f"{FORGET}; zfs create -o mountpoint=none tank/files/later")
    with clock(vm):
        for hour in range(5):
            sanoid(vm, f"2027-01-10 {hour:02}:05:00")
        assert len(kept(vm, "tank/files", "hourly")) == 5
        sanoid(vm, "2027-01-10 04:50:00")
    assert kept(vm, "tank/files", "hourly") == ["01:05", "02:05", "03:05", "04:05"]
    assert [kept(vm, "tank/files", kind) for kind in ("daily", "weekly", "monthly", "yearly")] == [["00:05"]] * 3 + [[]]
    assert kept(vm, "tank/files/later", "hourly") == ["01:05", "02:05", "03:05", "04:05"]
    vm.run(f"zfs destroy -r tank/files/later; {FORGET}")


def syncoid(sent: dict[str, Any], key: str) -> str:
    """The command line that NixOS makes of a replication."""
    words = ["syncoid", *(["--recursive"] if sent["recursive"] else []), "--sshkey", key, *sent["extraArgs"]]
    options = ["--sendoptions", f"'{sent['sendOptions']}'", "--recvoptions", f"'{sent['recvOptions']}'"]
    return " ".join([*words, *options, "--no-privilege-elevation", sent["source"], sent["target"]])


def as_syncoid(command: str) -> str:
    return f'runuser -u syncoid -- sh -c "{command}"'


def replicate(pools: Pools) -> None:
    """Alpha sends what it is to send, as the user and with the rights that it does so with."""
    values = pools.emitted["alpha"].values
    sent = values["syncoid"]["tank-files"]
    allowed = ",".join(sent["localSourceAllow"])
    pools.alpha.run(
        f"zfs allow syncoid {allowed} {sent['source']}\n{as_syncoid(syncoid(sent, values['sshKey']))}", timeout=120
    )


def let_in(pools: Pools) -> str:
    """Alpha's key is where it is read from, and beta takes it for the receiver; gives the key's place."""
    values, keys = pools.emitted["alpha"].values, pools.emitted["beta"].values["receiverKeys"]
    pools.alpha.install({values["sshKey"]: KEY, "/etc/ssh/ssh_config.d/lab.conf": values["sshConfig"]})
    pools.alpha.run(
        f"chmod 600 {values['sshKey']}; mkdir -p /var/lib/syncoid; chown syncoid {values['sshKey']} /var/lib/syncoid"
    )
    pools.beta.install({"/home/syncoid-receiver/.ssh/authorized_keys": "\n".join([*keys, ""])})
    return str(values["sshKey"])


def test_files_are_sent_with_their_snapshots_and_who_sends_may_not_destroy_the_copy(pools: Pools) -> None:
    alpha, beta, key = pools.alpha, pools.beta, let_in(pools)
    alpha.run(f"{FORGET}; echo first >/srv/files/sent; sync; zfs snapshot tank/files@autosnap_1")
    replicate(pools)
    alpha.run("echo second >/srv/files/sent; sync; zfs snapshot tank/files@autosnap_2")
    replicate(pools)
    there = beta.said(f"zfs list -H -d 1 -t snapshot -o name -s creation {COPY}").splitlines()
    assert there == [f"{COPY}@autosnap_1", f"{COPY}@autosnap_2"]
    for snapshot, text in zip(there, ("first", "second"), strict=True):
        assert (
            beta.said(f"mkdir -p /run/copy; mount -t zfs {snapshot} /run/copy; cat /run/copy/sent; umount /run/copy")
            == text
        )
    assert beta.said(f"zfs get -H -o value readonly,mounted {COPY}") == "on\nno"
    receiver = f"ssh -i {key} -o BatchMode=yes syncoid-receiver@syncoid-beta"
    assert alpha.said(as_syncoid(f"{receiver} whoami")) == "syncoid-receiver"
    refused = alpha.run(as_syncoid(f"{receiver} zfs destroy -r {COPY}"), check=False)
    assert (refused.returncode != 0, "permission denied" in refused.stdout) == (True, True)
    assert beta.said(f"zfs list -H -o name {COPY}") == COPY
