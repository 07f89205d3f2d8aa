"""What the end of a test run says of the VM tests that it stood for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFTEST = "from tests.lab.mirrors import pytest_collection_modifyitems, pytest_terminal_summary\n"
INI = "[pytest]\nmarkers = mirrors(test): of another\n"


def run(directory: Path, tests: str, *options: str) -> list[str]:
    """What pytest prints of a file of tests in a folder of their own."""
    (directory / "pytest.ini").write_text(INI)
    (directory / "conftest.py").write_text(CONFTEST)
    (directory / "test_some.py").write_text(f"import pytest\n{tests}")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, str(directory)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout.splitlines() + done.stderr.splitlines()


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["in one process", "in workers"])
def test_a_run_says_what_became_of_the_tests_that_stand_for_a_vm_test(tmp_path: Path, options: tuple[str, ...]) -> None:
    said = run(
        tmp_path,
        "@pytest.mark.mirrors('vm-drbd')\ndef test_good(): pass\n"
        "@pytest.mark.mirrors('vm-drbd')\ndef test_bad(): assert 1 == 2\n"
        "@pytest.mark.mirrors('vm-zfs')\n@pytest.mark.skip('no disk')\ndef test_away(): pass\n"
        "def test_of_nothing(): pass\n",
        *options,
    )
    start = next(index for index, line in enumerate(said) if "NixOS VM tests mirrored without nixpkgs" in line)
    assert said[start + 1 : start + 3] == ["vm-drbd: 1 passed, 1 failed", "vm-zfs: 1 skipped"]


def test_a_run_without_such_tests_says_nothing_of_them(tmp_path: Path) -> None:
    said = run(tmp_path, "def test_of_nothing(): pass\n")
    assert said[-1].startswith("1 passed")
    assert not [line for line in said if "NixOS" in line]


@pytest.mark.parametrize("name", ["", "vm-nothing", "vm-default"])
def test_a_mark_that_names_no_vm_test_is_refused(tmp_path: Path, name: str) -> None:
    said = run(tmp_path, f"@pytest.mark.mirrors({name!r})\ndef test_good(): pass\n")
    short = name.removeprefix("vm-")
    assert [line for line in said if line.startswith("ERROR: ")] == [
        f"ERROR: test_some.py::test_good: mirrors({short!r}) names no VM test; vm-tests/ has none of that name"
    ]
