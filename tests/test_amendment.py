from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyhomelab.errors import Refused
from pyhomelab.files.amendment import Put, TakeOut, amended
from pyhomelab.files.worktree import write

if TYPE_CHECKING:
    from pathlib import Path

NORTH = "# the north\nhosts:\n  dl1: {memory: 8GiB}\n"
SOUTH = "hosts:\n  # by the door\n  dl2: {memory: 8GiB}\nguests:\n  vm1: {on: dl2}\n"


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    directory = tmp_path / "lab" / "hosts"
    directory.mkdir(parents=True)
    (directory / "north.yaml").write_text(NORTH)
    (directory / "south.yaml").write_text(SOUTH)
    return directory


def test_an_edit_goes_to_the_file_that_holds_what_it_changes(lab: Path) -> None:
    changes = amended(lab, [Put(("hosts", "dl2", "memory"), "16GiB"), TakeOut(("guests", "vm1"))])
    write(lab, changes)

    assert (lab / "north.yaml").read_text() == NORTH
    assert (lab / "south.yaml").read_text() == "hosts:\n  # by the door\n  dl2: {memory: 16GiB}\nguests: {}\n"


def test_a_new_host_goes_to_the_first_file_with_hosts(lab: Path) -> None:
    (change,) = amended(lab, [Put(("hosts", "dl3"), {"memory": "4GiB"})])

    assert (change.path, change.new) == ("north.yaml", f"{NORTH}  dl3: {{memory: 4GiB}}\n")


def test_what_stays_as_it_is_is_no_change(lab: Path) -> None:
    assert amended(lab, [Put(("hosts", "dl1", "memory"), "8GiB")]) == []


def test_a_single_file_is_an_inventory_too(lab: Path) -> None:
    (change,) = amended(lab / "south.yaml", [TakeOut(("hosts", "dl2"))])

    assert (change.path, change.new) == ("south.yaml", "hosts: {}\nguests:\n  vm1: {on: dl2}\n")


def test_a_file_behind_a_link_is_not_edited(lab: Path, tmp_path: Path) -> None:
    (lab / "north.yaml").rename(tmp_path / "real.yaml")
    (lab / "north.yaml").symlink_to(tmp_path / "real.yaml")

    with pytest.raises(Refused, match=r"north\.yaml: is a symbolic link, and is not edited; put the file itself here"):
        amended(lab, [Put(("hosts", "dl1", "memory"), "1GiB")])


@pytest.mark.parametrize("stands_inside", [False, True])
def test_the_mode_of_an_edited_file_stays(lab: Path, monkeypatch: pytest.MonkeyPatch, *, stands_inside: bool) -> None:
    if stands_inside:  # then the directory is not exchanged for a new one
        monkeypatch.chdir(lab)
    (lab / "south.yaml").chmod(0o600)

    write(lab, amended(lab, [TakeOut(("guests", "vm1"))]))

    assert (lab / "south.yaml").stat().st_mode & 0o777 == 0o600
