"""How Nix is told where the lab's flake is, whatever its directory is called."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from pyhomelab.errors import Refused
from pyhomelab.nix.flakes import flake_of, refuse_untracked
from tests.build.labs import NixLab, needs_git, nix_lab
from tests.flakes import needs_nix

if TYPE_CHECKING:
    from pathlib import Path

AWKWARD = "my lab#1 50% ü?"


def git(directory: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(directory), *arguments], check=True)


def reference(root: Path) -> str:
    with flake_of(root, root / ".pyhomelab") as found:
        return found


def names(lab: NixLab, root: Path) -> str:
    with flake_of(root, root / ".pyhomelab") as found:
        done = lab.nix("eval", "--json", f"{found}#nixosConfigurations", "--apply", "builtins.attrNames")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_outside_git_a_copy_without_hidden_files_is_the_flake(lab: NixLab) -> None:
    with flake_of(lab.root, lab.root / ".pyhomelab") as found:
        assert found.startswith(f"path:{lab.root}/.pyhomelab/flake-")
        (copy,) = (lab.root / ".pyhomelab").glob("flake-*")
        assert sorted(path.name for path in copy.iterdir()) == ["flake.lock", "flake.nix", "hosts", "nix"]
    assert not copy.exists()


@needs_git
def test_in_git_the_work_tree_is_the_flake(lab: NixLab) -> None:
    git(lab.root, "init", "--quiet")
    assert reference(lab.root) == f"git+file://{lab.root}"


@needs_git
def test_a_lab_further_down_in_a_work_tree_is_named_by_its_directory(lab: NixLab) -> None:
    git(lab.root.parent, "init", "--quiet")
    assert reference(lab.root) == f"git+file://{lab.root.parent}?dir=lab"


@needs_git
def test_a_lab_behind_a_symbolic_link_is_named_by_where_it_is(lab: NixLab, tmp_path: Path) -> None:
    git(lab.root, "init", "--quiet")
    (tmp_path / "link").symlink_to(lab.root)
    assert reference(tmp_path / "link") == f"git+file://{lab.root}"


@pytest.mark.nix
@needs_nix
@needs_git
@pytest.mark.parametrize("tree", ["none", "above", "own"])
def test_nix_finds_a_lab_in_a_directory_of_any_name(tmp_path: Path, tree: str) -> None:
    lab = nix_lab(tmp_path, "dl1")
    root = tmp_path / AWKWARD / AWKWARD
    root.parent.mkdir()
    shutil.move(lab.root, root)
    if tree != "none":
        git(root if tree == "own" else root.parent, "init", "--quiet")
        git(root, "add", "--all")
    assert names(lab, root) == '["dl1"]'


def test_a_directory_without_a_flake_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused) as caught:
        reference(tmp_path)
    assert str(caught.value) == f"{tmp_path}: has no flake.nix; `pyhomelab init DIR` makes a lab with one"


@needs_git
def test_what_nix_does_not_read_need_not_be_in_git(lab: NixLab) -> None:
    git(lab.root, "init", "--quiet")
    git(lab.root, "add", "flake.nix", "flake.lock", "nix", "hosts/*.nix")
    (lab.root / "notes.txt").write_text("")
    (lab.root / "hosts/.dl1.swp.nix").write_text("")
    refuse_untracked(lab.root, lab.root / "hosts")
    (lab.root / "hosts/secrets").mkdir()
    (lab.root / "hosts/secrets/token.yaml").write_text("")
    with pytest.raises(Refused) as caught:
        refuse_untracked(lab.root, lab.root / "hosts")
    assert str(caught.value) == (
        f"{lab.root}: 1 file that git does not know, so that Nix does not see them: hosts/secrets/token.yaml; "
        "git add hosts"
    )


@needs_git
def test_of_many_unknown_files_five_are_named(lab: NixLab) -> None:
    git(lab.root, "init", "--quiet")
    with pytest.raises(Refused) as caught:
        refuse_untracked(lab.root, lab.root / "hosts")
    assert "flake.lock, flake.nix, hosts/dl1/default.nix, hosts/dl1/extra.nix, hosts/dl1/network.nix and " in str(
        caught.value
    )
    assert str(caught.value).endswith(" more; git add flake.lock flake.nix hosts nix")
    refuse_untracked(lab.root.parent, lab.root / "hosts")  # there is no work tree
