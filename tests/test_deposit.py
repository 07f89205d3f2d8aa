"""The files of secrets take their places all or none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pyhomelab.errors import Refused
from pyhomelab.secrets.deposit import Deposit, deposit

ROOT = Path(__file__).parents[1]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    place = tmp_path / "hosts/secrets"
    place.mkdir(parents=True)
    (place / "a.yaml").write_text("old a")
    (place / "b.yaml").write_text("old b")
    return place


def files(directory: Path) -> dict[str, str]:
    return {str(file.relative_to(directory)): file.read_text() for file in directory.rglob("*") if file.is_file()}


def test_files_are_made_changed_and_removed(directory: Path) -> None:
    deposit(
        [
            Deposit(directory / "hosts/c.pub", None, "new c"),
            Deposit(directory / "a.yaml", "old a", "new a"),
            Deposit(directory / "b.yaml", "old b", None),
        ],
        directory,
    )

    assert files(directory) == {"hosts/c.pub": "new c", "a.yaml": "new a"}


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (Deposit(Path("b.yaml"), None, "new b"), "cannot be written: file exists"),
        (Deposit(Path("b.yaml"), "older b", "new b"), "was changed in the meantime; try again"),
        (Deposit(Path("b.yaml"), "older b", None), "was changed in the meantime; try again"),
    ],
)
def test_if_one_cannot_take_its_place_all_others_go_back(directory: Path, last: Deposit, reason: str) -> None:
    before = files(directory)
    changes = [
        Deposit(directory / "c.yaml", None, "new c"),
        Deposit(directory / "a.yaml", "old a", "new a"),
        Deposit(directory / last.file, last.old, last.new),
    ]

    with pytest.raises(Refused) as refusal:
        deposit(changes, directory)

    assert str(refusal.value) == f"{directory}/b.yaml: {reason}"
    assert files(directory) == before


def test_a_file_that_cannot_be_written_changes_none(directory: Path) -> None:
    before = files(directory)
    (directory / "file").touch()

    with pytest.raises(Refused) as refusal:
        deposit(
            [Deposit(directory / "a.yaml", "old a", "new a"), Deposit(directory / "file/c.yaml", None, "x")], directory
        )

    assert str(refusal.value) == f"{directory}/file/c.yaml: cannot be written: not a directory"
    assert files(directory) == before | {"file": ""}


_KILLED = """
import os, signal, sys
from pathlib import Path
from pyhomelab.secrets import deposit as module
here, at = Path(sys.argv[1]), int(sys.argv[2])
calls = iter(range(1000))
def counted(real):
    def call(*arguments, **keywords):
        if next(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **keywords)
    return call
os.link, os.fsync, Path.replace = counted(os.link), counted(os.fsync), counted(Path.replace)
changes = [module.Deposit(here / f"{name}.yaml", f"old {name}", f"new {name}") for name in "ab"]
module.deposit([module.Deposit(here / "c.yaml", None, "new c"), *changes], here)
"""


def test_whoever_is_killed_leaves_each_file_old_or_new_and_the_next_run_clears_up(directory: Path) -> None:
    seen = set()
    for moment in range(20):
        for name in "abc":
            (directory / f"{name}.yaml").unlink(missing_ok=True)
        for name in "ab":
            (directory / f"{name}.yaml").write_text(f"old {name}")
        argv = [sys.executable, "-c", _KILLED, str(directory), str(moment)]
        done = subprocess.run(argv, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)})

        left = {file.stem: file.read_text() for file in directory.glob("[!.]*.yaml")}
        assert left.get("c") in {None, "new c"}
        assert left["a"] in {"old a", "new a"}
        assert left["b"] in {"old b", "new b"}
        seen.add(tuple(sorted(left.values())))
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
    assert left == {"a": "new a", "b": "new b", "c": "new c"}
    assert list(directory.glob(".*")) == []
    assert len(seen) == 4  # it was killed at every moment between the files, too
