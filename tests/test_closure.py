"""What systems are made of, asked of a stand-in for the local store that writes down every question."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pyhomelab.errors import HomelabError
from pyhomelab.nix.closure import wanted_systems

if TYPE_CHECKING:
    from pathlib import Path

# A system is a directory whose file `requisites` lists what it is made of; a path takes up as much as it has letters.
STORE = r"""#!/bin/sh
echo "$*" >>"$0.asked"
shift
case $1 in
--requisites) cat "$2/requisites" ;;
--size) shift; for path; do printf '%s' "$path" | wc -c; done ;;
esac
"""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of systems, with the stand-in on PATH."""
    (tmp_path / "nix-store").write_text(STORE)
    (tmp_path / "nix-store").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def system(store: Path, name: str, *requisites: str) -> str:
    (store / name).mkdir()
    (store / name / "requisites").write_text("".join(f"{path}\n" for path in requisites))
    return str(store / name)


def test_a_system_of_several_machines_and_a_part_of_several_systems_are_asked_about_once(store: Path) -> None:
    one, other = system(store, "one", "/a", "/bcd"), system(store, "other", "/a", "/ef")
    wanted = wanted_systems([one, other, one])
    assert {name: dict(about.closure) for name, about in wanted.items()} == {
        one: {"/a": 2, "/bcd": 4},
        other: {"/a": 2, "/ef": 3},
    }
    asked = (store / "nix-store.asked").read_text().splitlines()
    assert sorted(asked) == sorted(
        [f"--query --requisites {one}", f"--query --requisites {other}", "--query --size /a /bcd /ef"]
    )


def test_nothing_is_asked_about_no_system(store: Path) -> None:
    assert wanted_systems([]) == {}
    assert not (store / "nix-store.asked").exists()


def test_a_kernel_and_an_initrd_are_known_by_where_they_really_are(store: Path) -> None:
    toplevel = system(store, "one", "/a")
    (store / "linux").write_text("kernel")
    (store / "one/kernel").symlink_to(store / "linux")
    assert wanted_systems([toplevel])[toplevel].boot_files == {str(store / "linux"): 6}


def test_a_store_that_does_not_answer_is_said_with_its_reason(store: Path) -> None:
    (store / "nix-store").write_text("#!/bin/sh\necho error: the database is locked >&2\nexit 1\n")
    with pytest.raises(HomelabError) as raised:
        wanted_systems(["/nix/store/x"])
    assert str(raised.value) == (
        "the local Nix store does not say what a system is made of\nerror: the database is locked"
    )
