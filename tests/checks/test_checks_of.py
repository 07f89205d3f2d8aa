from __future__ import annotations

import subprocess
from itertools import groupby
from typing import TYPE_CHECKING, get_args

import pytest

from pyhomelab.checks import checks_of, group_checks
from pyhomelab.checks.check import Role
from pyhomelab.inventory.load import understand
from pyhomelab.planning.waves import groups
from tests.checks.asking import EXAMPLES, SHELLS, example, needs
from tests.labs import lab
from tests.random_labs import RandomLab

if TYPE_CHECKING:
    from pathlib import Path

    from tests.labs import Changes

DECLARED = {
    "web": {"http": "https://localhost/health", "status": "204"},
    "dns": {"tcp": "192.168.10.1:53"},
    "nginx": {"unit": "nginx.service"},
    "backup": {"command": "test -e /tank/backup/last", "timeout": "5m"},
}


def names(machine: str, changes: Changes | None = None) -> list[str]:
    return [f"{check.role}: {check.name}" for check in checks_of(lab(changes))[machine]]


def test_a_host_is_asked_for_what_it_is() -> None:
    assert names("dl1") == [
        "base: the system is up",
        "base: the system's disks take writes",
        "network: br-lan is up and has 192.168.10.11/24",
        "network: the default route is by 192.168.10.1 on br-lan",
        "network: eno2.20 is up and has 10.10.20.11/24",
        "zfs: pool tank is ONLINE",
        "drbd: this copy of volume vmstore is UpToDate",
        "drbd: volume vmstore is connected to dl2 and dl3",
        "drbd: volume vmstore has its quorum",
        "kvm: libvirt answers",
        "kvm: guest k8s-1 is running",
    ]


def deep_names(machine: str, changes: Changes | None = None) -> list[str]:
    return [f"{check.role}: {check.name}" for check in checks_of(lab(changes), deep=True)[machine] if check.deep]


def test_what_goes_wrong_over_weeks_is_asked_on_demand() -> None:
    assert deep_names("dl1") == [
        "base: no unit has failed",
        "base: the next boot starts what it runs now",
        "base: its file systems are filled to less than 90 %",
        "base: its clock is synchronised",
        "base: its secrets are decrypted",
        "zfs: pool tank has no errors",
        "zfs: pool tank was read in full in the last 40 days, without errors",
        "zfs: pool tank is filled to less than 90 %",
        "drbd: the copies of volume vmstore are equal",
        "kvm: the disks of guest k8s-1 are there",
    ]
    assert deep_names("k8s-1")[5:] == ["k3s: the certificates of k8s-1 in cluster home last"]
    kubeadm = {"clusters.home.distribution": "kubeadm"}
    assert deep_names("k8s-1", kubeadm)[5:] == ["kubeadm: the certificates of k8s-1 in cluster home last"]
    assert deep_names("dl1", {"hosts.dl1.checks": DECLARED})[-1] == (
        "declared: web: the certificate of https://localhost/health lasts"
    )


def test_a_deploy_waits_for_no_deep_check_and_a_deep_look_leaves_none_out() -> None:
    for machine, own in checks_of(lab()).items():
        assert [check.name for check in own if check.deep] == []
        assert tuple(check for check in checks_of(lab(), deep=True)[machine] if not check.deep) == own


def test_a_witness_has_no_copy_to_be_asked_for() -> None:
    assert [name for name in names("dl3") if name.startswith("drbd")] == [
        "drbd: volume vmstore is connected to dl1 and dl2"
    ]


def test_a_guest_is_a_machine_like_any_other() -> None:
    assert names("k8s-1") == [
        "base: the system is up",
        "base: the system's disks take writes",
        "network: lan is up and has 192.168.10.21/24",
        "network: the default route is by 192.168.10.1 on lan",
        "k3s: node k8s-1 is Ready",
        "k3s: the API of k8s-1 is ready",
        "k3s: etcd of k8s-1 votes",
        "k3s: cluster home answers at 192.168.10.50",
    ]


def test_a_server_alone_has_no_etcd_and_an_agent_no_api() -> None:
    changes = {"clusters.home.servers": ["k8s-1"], "clusters.home.agents": ["k8s-2"]}
    assert [name for name in names("k8s-1", changes) if name.startswith("k3s")] == [
        "k3s: node k8s-1 is Ready",
        "k3s: the API of k8s-1 is ready",
        "k3s: cluster home answers at 192.168.10.50",
    ]
    assert [name for name in names("k8s-2", changes) if name.startswith("k3s")] == [
        "k3s: node k8s-2 is Ready",
        "k3s: cluster home answers at 192.168.10.50",
    ]


def test_a_server_of_kubeadm_is_asked_at_its_own_address() -> None:
    inventory = lab({"clusters.home.distribution": "kubeadm"})
    checks = checks_of(inventory)["k8s-2"]
    assert [check.name for check in checks if check.role == "kubeadm"] == [
        "node k8s-2 is Ready",
        "the API of k8s-2 is ready",
        "etcd of k8s-2 is healthy",
        "cluster home answers at 192.168.10.50",
    ]
    api = next(check for check in checks if check.name == "the API of k8s-2 is ready")
    assert "KUBECTL='kubectl --server https://192.168.10.22:6443'\n" in api.script


def test_a_guest_that_does_not_start_by_itself_need_not_run() -> None:
    assert "kvm: guest k8s-1 is running" not in names("dl1", {"guests.k8s-1.autostart": False})


def test_a_bridge_without_an_address_is_up_and_one_with_dhcp_was_given_one() -> None:
    link = {"network": "lan", "bridge": "br-lan"}
    assert [name for name in names("dl1", {"hosts.dl1.links.eno1": link}) if "br-lan" in name] == [
        "network: br-lan is up"
    ]
    link = {"network": "lan", "address": "dhcp"}
    assert [name for name in names("dl1", {"hosts.dl1.links.eno1": link}) if "eno1" in name] == [
        "network: eno1 is up and was given an address",
        "network: the default route is on eno1",
    ]


def test_a_root_on_zfs_is_a_pool_and_a_dataset_with_a_mount_point_is_mounted() -> None:
    changes = {
        "hosts.dl1.boot.filesystem": "zfs",
        "hosts.dl1.zfs.tank.datasets": {
            "files": {"mountpoint": "/srv/files"},
            "vms": {},
            "later": {"mountpoint": "/srv/later", "properties": {"canmount": "noauto"}},
        },
        "guests.k8s-1.filesystem": "zfs",
    }
    assert [name for name in names("dl1", changes) if name.startswith("zfs")] == [
        "zfs: pool rpool is ONLINE",
        "zfs: pool tank is ONLINE",
        "zfs: dataset tank/files is mounted at /srv/files",
    ]
    assert "zfs: pool rpool is ONLINE" in names("k8s-1", changes)


def test_what_the_inventory_declares_comes_last() -> None:
    assert names("dl1", {"hosts.dl1.checks": DECLARED})[-4:] == [
        "declared: web: https://localhost/health answers 204",
        "declared: dns: 192.168.10.1:53 takes connections",
        "declared: nginx: nginx.service is active",
        "declared: backup: `test -e /tank/backup/last` succeeds",
    ]
    assert names("k8s-1", {"guests.k8s-1.checks": DECLARED})[-1] == names("dl1", {"hosts.dl1.checks": DECLARED})[-1]


def test_a_declared_check_has_the_time_that_it_is_given() -> None:
    checks = checks_of(lab({"hosts.dl1.checks": DECLARED}))["dl1"][-4:]
    assert [(check.patience, check.limit) for check in checks] == [(30, 20), (30, 20), (30, 20), (300, 300)]


@pytest.mark.parametrize("directory", EXAMPLES, ids=lambda path: path.name)
def test_every_check_has_a_name_of_its_own_and_a_command_that_mends(directory: Path) -> None:
    found = checks_of(example(directory), deep=True)
    assert found.keys() == {*example(directory).hosts, *example(directory).guests}
    for machine, checks in found.items():
        sorted_names = sorted(check.name for check in checks)
        assert [name for name, same in groupby(sorted_names) if len(list(same)) > 1] == [], machine
        assert [check.name for check in checks if check.mend.count("`") < 2 or check.patience < 1] == []


def test_the_checks_of_a_group_are_those_of_its_volume_or_its_cluster() -> None:
    inventory = lab(
        {
            "volumes.other": {"size": "1GiB", "on": "tank", "replicas": ["dl1", "dl2"], "network": "storage"}
            | {"quorum": "off"}
        }
    )
    checks = checks_of(inventory)
    found = {
        (group.name, member): [check.name for check in group_checks(group, checks[member])]
        for group in groups(inventory)
        for member in group.members
    }
    assert found["home", "k8s-3"] == ["node k8s-3 is Ready", "the API of k8s-3 is ready", "etcd of k8s-3 votes"]
    assert found["vmstore", "dl3"] == ["volume vmstore is connected to dl1 and dl2"]
    assert found["other", "dl2"] == ["this copy of volume other is UpToDate", "volume other is connected to dl1"]
    assert all(found.values())


@needs("shellcheck", "shellcheck")
def test_every_script_passes_shellcheck(tmp_path: Path) -> None:
    scripts = {
        check.script
        for directory in EXAMPLES
        for own in checks_of(example(directory), deep=True).values()
        for check in own
    }
    scripts |= {check.script for check in checks_of(lab({"hosts.dl1.checks": DECLARED}), deep=True)["dl1"]}
    assert len(scripts) > 100
    for number, script in enumerate(scripts):
        (tmp_path / f"{number}.sh").write_text(script)
    done = subprocess.run(
        # SC2016: bash -c '…' is told its variables. SC2034: not every script needs all that it is told.
        ["shellcheck", "--shell=sh", "--exclude=SC2016,SC2034", *tmp_path.glob("*.sh")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("directory", EXAMPLES, ids=lambda path: path.name)
def test_every_script_is_read_by_every_shell(directory: Path, shell: str) -> None:
    for checks in checks_of(example(directory), deep=True).values():
        for check in checks:
            done = subprocess.run([shell, "-n"], input=check.script, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, ""), check.name


def test_labs_made_by_chance_have_checks_with_names_of_their_own_that_a_shell_can_read() -> None:
    scripts: set[str] = set()
    roles: set[str] = set()
    for seed in range(60):
        inventory, mistakes = understand(RandomLab(seed).data)
        if inventory is None or mistakes:
            continue
        for machine, checks in checks_of(inventory, deep=True).items():
            assert len({check.name for check in checks}) == len(checks), (seed, machine)
            roles.update(check.role for check in checks)
            scripts.update(check.script for check in checks)
    assert roles == set(get_args(Role))
    # One shell for all of them: each is a function of its own that is never called.
    text = "".join(f"check_{number}() {{\n{script}}}\n" for number, script in enumerate(scripts))
    for shell in SHELLS:
        done = subprocess.run([shell, "-n"], input=text, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
