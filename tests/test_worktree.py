"""Writing a lab's files: only what differs, all or nothing, and nothing that is somebody else's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyhomelab.errors import Refused
from pyhomelab.files import worktree
from pyhomelab.files.render import MADE_BY, RenderedLab
from pyhomelab.files.worktree import differences, write
from pyhomelab.lock import alone

if TYPE_CHECKING:
    from collections.abc import Callable

OURS = MADE_BY + "inventory.yaml; …\n"


def lab(*machines: str, remark: str = "") -> RenderedLab:
    generated = {"lab.nix": OURS} | {f"{name}/default.nix": OURS + remark for name in machines}
    return RenderedLab(generated, {f"{name}/extra.nix": "{ }\n" for name in machines})


def bring(directory: Path, rendered: RenderedLab) -> dict[str, str]:
    changes = differences(directory, rendered)
    write(directory, changes)
    return {change.path: change.verb for change in changes}


def tree(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    (tmp_path / "hosts").mkdir()
    (tmp_path / "hosts" / "inventory.yaml").write_text("lab: {}\n")
    return tmp_path / "hosts"


@pytest.fixture(params=["exchanged at once", "moved in one by one"])
def way(request: pytest.FixtureRequest, hosts: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of writing; a shell that stands in the directory gets the second."""
    if request.param == "moved in one by one":
        monkeypatch.chdir(hosts)
    return str(request.param)


@pytest.mark.usefixtures("way")
def test_a_first_run_creates_every_file_and_keeps_the_inventory(hosts: Path) -> None:
    assert bring(hosts, lab("dl1")) == {"dl1/default.nix": "created", "dl1/extra.nix": "created", "lab.nix": "created"}
    assert tree(hosts) == {
        "inventory.yaml": "lab: {}\n",
        "lab.nix": OURS,
        "dl1/default.nix": OURS,
        "dl1/extra.nix": "{ }\n",
    }


@pytest.mark.usefixtures("way")
def test_a_second_run_changes_nothing(hosts: Path) -> None:
    bring(hosts, lab("dl1"))
    before = hosts.stat().st_ino
    assert bring(hosts, lab("dl1")) == {}
    assert hosts.stat().st_ino == before


@pytest.mark.usefixtures("way")
def test_untouched_files_keep_their_time_and_inode(hosts: Path) -> None:
    bring(hosts, lab("dl1", "dl2"))
    os.utime(hosts / "lab.nix", ns=(1, 1))
    os.utime(hosts / "inventory.yaml", ns=(2, 2))
    inode = (hosts / "dl1" / "extra.nix").stat().st_ino
    assert bring(hosts, lab("dl1", "dl2", remark="# new\n")) == {
        "dl1/default.nix": "changed",
        "dl2/default.nix": "changed",
    }
    assert [(hosts / name).stat().st_mtime_ns for name in ("lab.nix", "inventory.yaml")] == [1, 2]
    assert (hosts / "dl1" / "extra.nix").stat().st_ino == inode


@pytest.mark.usefixtures("way")
def test_the_owners_file_is_made_once_and_never_touched_again(hosts: Path) -> None:
    bring(hosts, lab("dl1"))
    (hosts / "dl1" / "extra.nix").write_text("{ services.openssh.ports = [ 2222 ]; }\n")
    bring(hosts, lab("dl1", remark="# new\n"))
    assert (hosts / "dl1" / "extra.nix").read_text() == "{ services.openssh.ports = [ 2222 ]; }\n"


@pytest.mark.usefixtures("way")
def test_a_machine_that_left_loses_its_generated_files_and_keeps_the_owners(hosts: Path) -> None:
    bring(hosts, lab("dl1", "dl2"))
    (hosts / "dl2" / "extra.nix").unlink()
    (hosts / "dl1" / "notes.nix").write_text("# mine\n")
    assert bring(hosts, lab()) == {"dl1/default.nix": "removed", "dl2/default.nix": "removed"}
    assert sorted(tree(hosts)) == ["dl1/extra.nix", "dl1/notes.nix", "inventory.yaml", "lab.nix"]
    assert not (hosts / "dl2").exists()


def test_a_file_of_somebody_else_is_never_overwritten(hosts: Path) -> None:
    (hosts / "dl1").mkdir()
    (hosts / "dl1" / "default.nix").write_text("{ }\n")
    with pytest.raises(Refused) as caught:
        bring(hosts, lab("dl1"))
    assert str(caught.value) == (
        f"{hosts}/dl1/default.nix: was not made by pyhomelab, so it is not overwritten; "
        "move its settings to extra.nix beside it, then remove it"
    )
    assert sorted(tree(hosts)) == ["dl1/default.nix", "inventory.yaml"]


def test_a_machines_directory_may_not_be_a_symbolic_link(hosts: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (hosts / "dl1").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused) as caught:
        bring(hosts, lab("dl1"))
    assert str(caught.value) == f"{hosts}/dl1: is a symbolic link; make it a directory of the lab"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_where_the_kernel_cannot_exchange_files_are_moved_one_by_one(
    hosts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worktree, "_RENAME_EXCHANGE", 1 << 20)  # a flag that no kernel knows
    bring(hosts, lab("dl1", "dl2"))
    assert bring(hosts, lab("dl1")) == {"dl2/default.nix": "removed"}
    assert sorted(tree(hosts)) == ["dl1/default.nix", "dl1/extra.nix", "dl2/extra.nix", "inventory.yaml", "lab.nix"]


def test_a_stray_stage_of_a_killed_run_is_removed(hosts: Path) -> None:
    stray = hosts.parent / ".hosts.pyhomelab-abc"
    stray.mkdir()
    (stray / "half").write_text("")
    bring(hosts, lab("dl1"))
    assert sorted(path.name for path in hosts.parent.iterdir()) == ["hosts"]


def test_two_runs_at_once_are_refused(hosts: Path) -> None:
    with alone(hosts.parent), pytest.raises(Refused) as caught:
        bring(hosts, lab("dl1"))
    assert str(caught.value) == f"{hosts.parent}: is being written by another pyhomelab; wait for it to end"


def test_a_directory_that_cannot_be_written_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("a file")
    with pytest.raises(Refused) as caught:
        write(tmp_path / "hosts", [worktree.Change("lab.nix", None, OURS)])
    assert str(caught.value).startswith(f"{tmp_path}/hosts: cannot be written: not a directory")


_GEN = """
import sys
from pathlib import Path
from tests.test_worktree import bring, lab
print("ready", flush=True)
bring(Path(sys.argv[1]), lab(*(f"h{number}" for number in range(300)), remark=sys.argv[2]))
"""


def test_a_run_killed_at_any_moment_leaves_the_old_tree_or_the_new_one(hosts: Path) -> None:
    bring(hosts, lab(*(f"h{number}" for number in range(300)), remark="0"))
    seen = {"old": 0, "new": 0}
    for attempt in range(1, 26):
        old = tree(hosts)
        child = subprocess.Popen(
            [sys.executable, "-c", _GEN, str(hosts), str(attempt)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent.parent,
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(attempt * 0.006)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        now = tree(hosts)
        is_new = now["h0/default.nix"].endswith(f"\n{attempt}")
        expected = {path: OURS + str(attempt) if path.endswith("default.nix") else text for path, text in old.items()}
        assert now == (expected if is_new else old)
        seen["new" if is_new else "old"] += 1
    assert seen["old"] > 0, "every run ended before it could be killed"


def test_what_is_no_file_stands_in_the_way(hosts: Path) -> None:
    (hosts / "dl1").mkdir()
    file = hosts / "dl1" / "default.nix"
    makers: list[Callable[[], None]] = [file.mkdir, lambda: os.mkfifo(file), lambda: file.symlink_to("/dev/zero")]
    for make in makers:
        make()
        with pytest.raises(Refused) as caught:
            bring(hosts, lab("dl1"))
        assert str(caught.value) == f"{file}: is not a file; move it out of the lab"
        file.rmdir() if file.is_dir() else file.unlink()
    file.symlink_to(file)
    with pytest.raises(Refused) as caught:
        bring(hosts, lab("dl1"))
    assert str(caught.value) == f"{file}: cannot be read: too many levels of symbolic links; move it out of the lab"


def test_a_file_called_like_a_machine_stands_in_its_way(hosts: Path) -> None:
    (hosts / "dl1").write_text("mine")
    with pytest.raises(Refused) as caught:
        bring(hosts, lab("dl1"))
    assert str(caught.value) == f"{hosts}/dl1/default.nix: cannot be read: not a directory; move it out of the lab"


def test_a_lab_may_lie_on_another_filesystem_than_its_parent(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as elsewhere:
        if Path(elsewhere).stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("there is one filesystem for what is temporary and what is shared in memory")
        (tmp_path / "hosts").symlink_to(elsewhere)
        assert bring(tmp_path / "hosts", lab("dl1")).keys() == {"dl1/default.nix", "dl1/extra.nix", "lab.nix"}
        assert sorted(tree(Path(elsewhere))) == ["dl1/default.nix", "dl1/extra.nix", "lab.nix"]
    assert [path.name for path in tmp_path.iterdir()] == ["hosts"]


def test_a_stray_stage_inside_of_the_lab_is_removed(hosts: Path) -> None:
    stray = hosts / ".hosts.pyhomelab-abc"
    stray.mkdir()
    (stray / "lab.nix").write_text(OURS)
    assert bring(hosts, lab("dl1")).keys() == {"dl1/default.nix", "dl1/extra.nix", "lab.nix"}
    assert not stray.exists()


def test_the_lock_is_one_from_inside_and_from_outside(hosts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(hosts)
    with alone(hosts.parent), pytest.raises(Refused) as caught:
        bring(Path(), lab("dl1"))
    assert str(caught.value) == f"{hosts.parent}: is being written by another pyhomelab; wait for it to end"
