from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.modules.sources import ROOT
from tests.modules.standins import Outcome, run

if TYPE_CHECKING:
    from pathlib import Path

SCRIPTS = ROOT / "nix/modules/drbd"


def each_time(file: Path, *answers: str) -> str:
    """A stand-in's body that gives the next answer on every call and the last one for ever."""
    file.write_text("".join(f"{answer}\n" for answer in answers))
    return f"head -n 1 {file}; [ $(wc -l <{file}) -eq 1 ] || sed -i 1d {file}"


# The first synchronisation


def first_sync(tmp_path: Path, *states: str, replicas: int = 2, equal: str = "true", noted: bool = True) -> Outcome:
    if noted:
        (tmp_path / "vmstore.new").touch()
    dstate = each_time(tmp_path / "states", *states)
    return run(
        (SCRIPTS / "first-sync.sh").read_text(),
        tmp_path,
        {"drbdadm": f'[ "$1" != dstate ] || {{ {dstate}; }}', "sleep": ""},
        {
            "RESOURCE": "vmstore",
            "REPLICAS": str(replicas),
            "EQUAL_WHEN_NEW": equal,
            "STATE_DIRECTORY": str(tmp_path),
        },
    )


def decisions(outcome: Outcome) -> list[str]:
    return [" ".join(call[1:]) for call in outcome.called("drbdadm") if call[1] != "dstate"]


def test_copies_that_are_all_new_are_declared_equal_once(tmp_path: Path) -> None:
    done = first_sync(tmp_path, "Inconsistent/DUnknown", "Inconsistent/DUnknown", "Inconsistent/Inconsistent")

    assert done.status == 0, done.said
    assert decisions(done) == ["new-current-uuid --clear-bitmap vmstore/0"]
    assert done.said == "vmstore: all 2 copies are new and equal; the volume is ready\n"
    assert len(done.called("sleep", "5")) == 2
    assert not (tmp_path / "vmstore.new").exists()


@pytest.mark.parametrize("witness", ["Diskless", "DUnknown"])
def test_a_witness_is_no_copy(tmp_path: Path, witness: str) -> None:
    done = first_sync(tmp_path, f"Inconsistent/Inconsistent/{witness}")

    assert len(decisions(done)) == 1


def test_one_copy_that_is_away_holds_up_the_decision(tmp_path: Path) -> None:
    states = ["Inconsistent/Inconsistent/DUnknown"] * 5 + ["Inconsistent/Inconsistent/UpToDate"]
    done = first_sync(tmp_path, *states, replicas=3)

    assert done.status == 0, done.said
    assert decisions(done) == []


@pytest.mark.parametrize("state", ["UpToDate", "Outdated", "Consistent"])
def test_a_host_that_lost_its_disk_is_no_new_volume(tmp_path: Path, state: str) -> None:
    done = first_sync(tmp_path, f"Inconsistent/{state}")

    assert done.status == 0, done.said
    assert decisions(done) == []
    assert done.said == f"vmstore: a copy is {state}, so there is data already; nothing is decided here\n"
    assert not (tmp_path / "vmstore.new").exists()


def test_without_the_note_nothing_is_decided(tmp_path: Path) -> None:
    done = first_sync(tmp_path, "Inconsistent/Inconsistent", noted=False)

    assert done.status == 0, done.said
    assert done.calls == []


def test_a_resource_that_is_down_is_waited_for(tmp_path: Path) -> None:
    done = first_sync(tmp_path, "", "Inconsistent/Inconsistent")

    assert len(done.called("sleep", "5")) == 1
    assert len(decisions(done)) == 1


def test_disks_that_were_used_before_are_copied_in_full(tmp_path: Path) -> None:
    done = first_sync(tmp_path, "Inconsistent/Inconsistent", equal="false")

    assert decisions(done) == ["primary --force vmstore", "secondary vmstore"]
    assert done.said == "vmstore: this host's copy is the first; the others are synchronised with it now\n"


def test_a_decision_that_failed_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "vmstore.new").touch()
    done = run(
        (SCRIPTS / "first-sync.sh").read_text(),
        tmp_path,
        {"drbdadm": '[ "$1" = dstate ] && echo Inconsistent/Inconsistent'},
        {"RESOURCE": "vmstore", "REPLICAS": "2", "EQUAL_WHEN_NEW": "true", "STATE_DIRECTORY": str(tmp_path)},
    )

    assert done.status != 0
    assert (tmp_path / "vmstore.new").exists()


# The kernel


@pytest.mark.parametrize(
    ("version", "loaded", "status", "said"),
    [
        ("9", "9.2.16", 0, ""),
        ("8.4", "8.4.11", 0, ""),
        (
            "9",
            "8.4.11",
            1,
            (
                "vmstore: the running kernel has DRBD 8.4.11, the volume is configured for 9; "
                "reboot into the new system to bring it up\n"
            ),
        ),
        (
            "9",
            "",
            1,
            "vmstore: the running kernel has no DRBD module; reboot into the new system to bring the volume up\n",
        ),
    ],
)
def test_a_volume_waits_for_the_kernel_of_its_version(
    tmp_path: Path, version: str, loaded: str, status: int, said: str
) -> None:
    file = tmp_path / "version"
    if loaded:
        file.write_text(f"{loaded}\n")
    done = run(
        (SCRIPTS / "kernel-ready.sh").read_text(),
        tmp_path,
        {"modprobe": "exit 1"},
        {"RESOURCE": "vmstore", "VERSION": version},
        (str(file),),
    )

    assert (done.status, done.said) == (status, said)
    assert done.calls == [["modprobe", "drbd"]]


# The comparison


UP = "vmstore role:Secondary disk:UpToDate dl2 role:Primary peer-disk:UpToDate"
VERIFYING = f"{UP} replication:VerifyS done:12.3"


def verify(tmp_path: Path, *targets: str, kib: str = "0", connection: str = "Connected") -> Outcome:
    status = each_time(tmp_path / "status", VERIFYING, VERIFYING, UP)
    counts = f"echo 'peer-disk:UpToDate out-of-sync:{kib}'" if kib else "true"
    return run(
        (SCRIPTS / "verify.sh").read_text(),
        tmp_path,
        {
            "drbdadm": f"case $1 in status) {status} ;; cstate) echo {connection} ;; esac",
            "drbdsetup": counts,
            "sleep": "",
        },
        {"RESOURCE": "vmstore"},
        targets,
    )


def test_equal_copies_are_said_to_be_equal(tmp_path: Path) -> None:
    done = verify(tmp_path, "vmstore:dl2/0")

    assert done.status == 0, done.said
    assert done.said == "vmstore: comparing vmstore:dl2/0\nvmstore: all copies are equal\n"
    assert done.called("drbdadm", "verify") == [["drbdadm", "verify", "vmstore:dl2/0"]]
    assert done.called("drbdadm", "cstate") == [["drbdadm", "cstate", "vmstore:dl2"]]
    assert len(done.called("sleep", "10")) == 2


def test_peers_are_compared_one_after_the_other(tmp_path: Path) -> None:
    done = verify(tmp_path, "vmstore:dl2/0", "vmstore:dl3/0")

    order = [call[1] for call in done.called("drbdadm") if call[1] in {"verify", "cstate"}]
    assert order == ["verify", "cstate", "verify", "cstate"]


def test_a_difference_fails_with_the_way_to_repair_it(tmp_path: Path) -> None:
    done = verify(tmp_path, "vmstore", kib="12")

    assert done.status == 1
    assert done.said.splitlines()[-1] == (
        "vmstore: 12 KiB differ between the copies; `drbdadm disconnect vmstore`, then "
        "`drbdadm connect vmstore`, copies them again from the host that uses the volume"
    )


def test_a_comparison_that_lost_its_peer_claims_nothing(tmp_path: Path) -> None:
    done = verify(tmp_path, "vmstore:dl2/0", connection="Connecting")

    assert done.status == 1
    assert done.said.splitlines()[-1] == "vmstore: the comparison with vmstore:dl2/0 was cut short: Connecting"


def test_a_comparison_without_counts_claims_nothing(tmp_path: Path) -> None:
    done = verify(tmp_path, "vmstore", kib="")

    assert done.status != 0
    assert "equal" not in done.said


def test_a_peer_that_is_away_is_named(tmp_path: Path) -> None:
    done = run(
        (SCRIPTS / "verify.sh").read_text(),
        tmp_path,
        {"drbdadm": "exit 11"},
        {"RESOURCE": "vmstore"},
        ("vmstore:dl2/0",),
    )

    assert done.status == 1
    assert done.said.splitlines()[-1] == (
        "vmstore: vmstore:dl2/0 cannot be compared now; is the peer connected and up to date?"
    )


# All of them


@pytest.mark.parametrize("script", sorted(file.name for file in SCRIPTS.glob("*.sh")))
def test_shellcheck_has_nothing_to_say(script: str) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("no shellcheck on PATH: install the Debian package shellcheck")
    checked = subprocess.run(
        ["shellcheck", "--shell=bash", SCRIPTS / script], capture_output=True, text=True, check=False
    )

    assert checked.stdout == ""
