"""`pyhomelab retire`, on the lab of this repository, as a person runs it."""

from __future__ import annotations

import difflib
import json
import shutil
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING

import pytest

from pyhomelab.cli.main import main
from pyhomelab.inventory.load import load
from pyhomelab.leaving.departure import departure
from pyhomelab.leaving.retirement import retirement
from pyhomelab.machines.acquaintance import forget, known
from tests.labs import KEY, REMOVED, Changes, lab, written
from tests.modules.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path


FREE: Changes = {"guests": REMOVED, "volumes": REMOVED, "clusters": REMOVED}


class Owner:
    """Somebody with a lab in a directory of their own, and a home with a known_hosts."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.home = directory / "lab", directory / "home"
        shutil.copytree(ROOT / "hosts", self.directory / "hosts", ignore=shutil.ignore_patterns("examples"))
        (self.home / ".ssh").mkdir(parents=True)
        self.inventory = self.directory / "hosts/inventory.yaml"

    def retire(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `pyhomelab retire` in the lab, however it ends."""
        out, err, code = StringIO(), StringIO(), None
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.directory)
            patch.setenv("HOME", str(self.home))
            try:
                main(["retire", *arguments])
            except SystemExit as end:
                code = end.code
        assert isinstance(code, int)
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


@pytest.fixture
def owner(tmp_path: Path) -> Owner:
    return Owner(tmp_path)


def write(owner: Owner, changes: Changes) -> None:
    """Write another lab in place of the repository's."""
    shutil.rmtree(owner.directory / "hosts")
    owner.inventory.parent.mkdir()
    owner.inventory.write_text(json.dumps(written(changes)))


THREE_COPIES = {"size": "1GiB", "on": "tank", "replicas": ["dl1", "dl2", "dl3"], "network": "storage"}


@pytest.fixture
def changed(owner: Owner) -> dict[str, tuple[list[str], list[str]]]:
    """The lines that are gone and new in the inventory after the agent and guest `vm` has retired."""
    text = owner.inventory.read_text()
    guest = "guests:\n  # It is alone.\n  vm: {on: dl3, cpus: 1, memory: 1GiB, disk: {size: 9GiB, on: tank}, links: {lan: {address: 192.168.10.40}}}\n"
    text = text.replace("guests:\n", guest)
    text += "    agents: [vm]\n    labels: {vm: {disk: small}}\n"
    owner.inventory.write_text(text)
    assert owner.retire("vm", "--offline", "--yes", "vm").returncode == 0
    lines = list(difflib.ndiff(text.splitlines(), owner.inventory.read_text().splitlines()))
    return {"vm": ([line[2:] for line in lines if line[0] == "-"], [line[2:] for line in lines if line[0] == "+"])}


@pytest.mark.parametrize(
    ("machine", "changes", "reason"),
    [
        ("dl1", {"volumes": REMOVED, "clusters": REMOVED}, "it runs k8s-1; give each another host by its `on`, or retire it first"),
        ("dl1", FREE | {"volumes": {"vmstore": {"size": "1GiB", "on": "tank", "replicas": ["dl1", "dl2"], "witness": "dl3", "network": "storage"}}}, "it holds one of the two copies of volume vmstore; append another host to volumes.vmstore.replicas, deploy, and wait for that copy, or take the volume out"),
        ("dl3", FREE | {"volumes": {"vmstore": {"size": "1GiB", "on": "tank", "replicas": ["dl1", "dl2"], "witness": "dl3", "network": "storage"}}}, "volume vmstore needs its vote; name another host in volumes.vmstore.witness"),
        ("dl1", FREE | {"volumes": {"vmstore": THREE_COPIES}}, "volumes.vmstore.replicas may only lose its last host, as the order is their identity; copy its data to a new volume without this host, then take it out"),
        ("dl3", FREE | {"hosts.dl1.zfs.tank.datasets": {"files": {"snapshots": {}, "replicate": {"host": "dl3", "pool": "tank"}}}}, "it holds the other copy of tank/files of dl1; name another host in hosts.dl1.zfs.tank.datasets.files.replicate, or remove it"),
        ("dl1", FREE | {"networks.lan.gateway": "192.168.10.11"}, "it is the gateway of network lan; name another in networks.lan.gateway"),
        ("dl1", FREE | {"networks.lan.dns": ["192.168.10.1", "192.168.10.11"]}, "it answers DNS in network lan; name another server in networks.lan.dns"),
        ("dl1", FREE | {"lab.ntp": ["192.168.10.11"]}, "it tells the lab the time; name another server in lab.ntp"),
        ("dl1", FREE | {"hosts.dl2.ssh": {"jump": "dl1"}}, "ssh goes over it to dl2; name another way in hosts.dl2.ssh.jump"),
        ("k8s-2", {"clusters.home.servers": ["k8s-1", "k8s-2", "k8s-3"]}, "it is one of the 3 servers of cluster home, and 2 bear no more failures than 1; put another machine in its place in clusters.home.servers"),
        ("k8s-1", {"clusters.home.servers": ["k8s-1"], "clusters.home.vip": REMOVED}, "it is the only server of cluster home; take the cluster out first"),
    ],
)  # fmt: skip
def test_a_machine_that_others_depend_on_stays(machine: str, changes: Changes, reason: str) -> None:
    assert retirement(lab(changes), machine).refusals == (reason,)


def test_nobody_depends_on_a_host_that_is_only_there() -> None:
    means = retirement(lab(FREE), "dl3")

    assert (means.refusals, means.losses, means.stays) == ((), ("pool tank on its 2 disks",), ())


def test_what_is_lost_and_what_stays_is_said() -> None:
    replicas = THREE_COPIES | {"quorum": "off"}
    sent = {"files": {"snapshots": {}, "replicate": {"host": "dl1", "pool": "tank"}}}
    changes = FREE | {"volumes": {"vmstore": replicas}, "hosts.dl3.zfs.tank.datasets": sent}
    means = retirement(
        lab(changes | {"clusters": {"home": {"distribution": "k3s", "servers": ["dl1"], "agents": ["dl3"]}}}), "dl3"
    )

    assert means.refusals == ()
    assert means.losses == (
        "pool tank on its 2 disks, with files",
        "its copy of volume vmstore; dl1 and dl2 keep theirs",
        "a node of cluster home (agent), with the local volumes of its pods",
    )
    assert means.stays == ("what it sent of tank/files to dl1, in tank/replica/dl3/tank/files",)


def test_a_guest_leaves_the_inventory_with_all_that_names_it(changed: dict[str, tuple[list[str], list[str]]]) -> None:
    gone, new = changed["vm"]

    assert gone == [
        "  # It is alone.",
        "  vm: {on: dl3, cpus: 1, memory: 1GiB, disk: {size: 9GiB, on: tank}, links: {lan: {address: 192.168.10.40}}}",
        "    agents: [vm]",
        "    labels: {vm: {disk: small}}",
    ]
    assert new == ["    agents: []", "    labels: {}"]


def test_what_is_left_is_a_lab_whose_files_are_as_it_says(owner: Owner) -> None:
    assert owner.retire("nas", "--offline", "--yes", "nas").returncode == 0

    assert "nas" not in load(owner.inventory).guests
    assert not (owner.directory / "hosts/nas/default.nix").exists()
    assert "nas" not in (owner.directory / "hosts/dl2/guests.nix").read_text()
    with pytest.raises(SystemExit) as end:
        main(["gen", "--check", str(owner.directory / "hosts")])
    assert end.value.code == 0


def test_the_keys_and_secrets_that_only_it_needed_go_with_it(owner: Owner) -> None:
    text = (
        owner.inventory.read_text()
        .replace("{volume: vmstore}", "{size: 9GiB, on: tank}")
        .replace("on: anywhere", "on: dl1")
    )
    start, end = text.index("volumes:"), text.index("guests:")
    text = text[:start] + text[end:]
    text = text.replace("            replicate: {host: dl3, pool: tank, every: hourly}\n", "")
    start, end = text.index("  k8s-3:"), text.index("  # Runs on either")
    owner.inventory.write_text(
        (text[:start] + text[end:]).replace("[k8s-1, k8s-2, k8s-3]", "[k8s-1]").replace("        disk_size: 3726GiB\n", "        disk_size: 3726GiB\n        encrypted: true\n").replace("    vip: 192.168.10.50\n", "")
    )  # fmt: skip
    secrets = owner.directory / "hosts/secrets"
    (secrets / "hosts").mkdir(parents=True)
    for name in ("zfs-dl3-tank.yaml", "k3s-home-token.yaml", "hosts/dl3.pub", "hosts/dl1.pub"):
        (secrets / name).write_text(f"{KEY}\n")

    done = owner.retire("dl3", "--offline", "--yes", "dl3")

    assert done.returncode == 0, done.stderr
    assert sorted(str(file.relative_to(secrets)) for file in secrets.rglob("*") if file.is_file()) == ["hosts/dl1.pub", "k3s-home-token.yaml"]  # fmt: skip
    assert "  removed: secrets/zfs-dl3-tank.yaml" in done.stdout.splitlines()


def test_ssh_forgets_it_by_name_and_address_hashed_or_not(tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    file.write_text("\n".join(f"{name} {' '.join(KEY.split()[:2])}" for name in ("dl3", "192.168.10.13", "dl1")) + "\n")
    subprocess.run(["ssh-keygen", "-H", "-f", file], check=True, capture_output=True)

    names = known(["dl3", "dl3.home.arpa", "192.168.10.13"], file)
    assert names == ["dl3", "192.168.10.13"]
    forget(names, file)

    assert known(["dl3", "192.168.10.13", "dl1"], file) == ["dl1"]


def test_nobody_is_known_where_there_is_no_file(tmp_path: Path) -> None:
    assert known(["dl3"], tmp_path / "known_hosts") == []


def test_a_dry_run_says_all_and_changes_nothing(owner: Owner) -> None:
    (owner.home / ".ssh/known_hosts").write_text(f"nas {' '.join(KEY.split()[:2])}\n")
    before = {file: file.read_bytes() for file in owner.directory.rglob("*") if file.is_file()}

    done = owner.retire("nas", "--offline", "--dry-run")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "left on other machines:",
        "  volume vmstore, which no guest uses then",
        "files:",
        "  changed: inventory.yaml",
        "  changed: dl2/guests.nix",
        "  changed: lab.nix",
        "  removed: nas/default.nix",
        f"  changed: {owner.home}/.ssh/known_hosts (without nas)",
    ]
    assert {file: file.read_bytes() for file in owner.directory.rglob("*") if file.is_file()} == before


def test_without_its_name_typed_again_nothing_is_changed(owner: Owner) -> None:
    before = owner.inventory.read_bytes()

    for arguments, reason in (
        ((), "nobody is there to agree to this; give --yes nas"),
        (("--yes", "dl1"), "dl1: is not nas; nothing was changed"),
    ):
        done = owner.retire("nas", "--offline", *arguments)
        assert (done.returncode, done.stderr) == (3, f"{reason}\n")
    assert owner.inventory.read_bytes() == before


def test_all_reasons_are_said_at_once(owner: Owner) -> None:
    done = owner.retire("dl3", "--offline", "--yes", "dl3")

    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "dl3: it runs k8s-3; give each another host by its `on`, or retire it first",
        "dl3: volume vmstore needs its vote; name another host in volumes.vmstore.witness",
        "dl3: it holds the other copy of tank/files of dl1; name another host in hosts.dl1.zfs.tank.datasets.files.replicate, or remove it",
        "nothing was changed",
    ]


def test_a_lab_that_would_not_work_without_it_is_a_reason_to_stay(owner: Owner) -> None:
    write(owner, FREE | {"volumes": {"vmstore": THREE_COPIES}})

    done = owner.retire("dl3", "--offline", "--yes", "dl3")

    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        "dl3: without it, volumes.vmstore has two replicas and no witness: when the network is cut, neither knows who may write; name a third host as `witness:`, or accept with `quorum: off` that both sides may write",
        "nothing was changed",
    ]


def test_a_name_that_is_none_of_the_lab_is_refused_with_the_nearest(owner: Owner) -> None:
    done = owner.retire("dl33")

    assert (done.returncode, done.stderr) == (3, "dl33: is not a machine of the lab; did you mean dl3?\n")


def test_a_script_is_told_what_was_done(owner: Owner) -> None:
    told = json.loads(owner.retire("nas", "--offline", "--yes", "nas", "--json").stdout)

    assert told == {
        "retired": True,
        "machine": "nas",
        "lost": [],
        "left": ["volume vmstore, which no guest uses then"],
        "files": {
            "inventory.yaml": "changed",
            "dl2/guests.nix": "changed",
            "lab.nix": "changed",
            "nas/default.nix": "removed",
        },
        "known_hosts": [],
        "shared_secrets": [],
    }


def test_those_that_share_a_volume_or_cluster_with_it_are_asked_as_they_will_be(owner: Owner) -> None:
    write(owner, FREE | {"volumes": {"vmstore": THREE_COPIES | {"quorum": "off"}}})

    asked = departure(load(owner.inventory), owner.inventory, "dl3").checks

    assert {name: [check.name for check in checks] for name, checks in asked.items()} == {
        "dl1": ["this copy of volume vmstore is UpToDate", "volume vmstore is connected to dl2"],
        "dl2": ["this copy of volume vmstore is UpToDate", "volume vmstore is connected to dl1"],
    }


def test_a_machine_that_cannot_be_asked_is_not_taken_for_well(owner: Owner) -> None:
    nowhere = {"ssh": {"address": "127.0.0.1", "port": "1"}}
    write(
        owner,
        FREE
        | {"volumes": {"vmstore": THREE_COPIES | {"quorum": "off"}}}
        | {f"hosts.dl{n}.ssh": nowhere["ssh"] for n in (1, 2)},
    )
    before = owner.inventory.read_bytes()

    done = owner.retire("dl3", "--yes", "dl3")

    assert done.returncode == 3
    assert done.stderr.splitlines()[-3:] == [
        "dl1: root@127.0.0.1:1 cannot be reached: connection refused (3 attempts)",
        "dl2: root@127.0.0.1:1 cannot be reached: connection refused (3 attempts)",
        "dl1 and dl2 must be well before dl3 leaves; nothing was changed; mend that first, or give --offline if it is this machine that makes them unwell",
    ]
    assert owner.inventory.read_bytes() == before
