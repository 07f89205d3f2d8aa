"""A lab's flake as Nix is asked for it."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import quote

from pyhomelab.errors import Refused
from pyhomelab.process import run
from pyhomelab.text.wording import counted, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MACHINES = "nixosConfigurations"
"""The output that holds the machines."""

NIX = ("nix", "--extra-experimental-features", "nix-command flakes")
NEEDS_NIX = "it evaluates and builds the machines; get it from https://nixos.org/download"

_SHOWN = 5


@contextmanager
def flake_of(root: Path, own: Path) -> Iterator[str]:
    """Give the flake in a directory as Nix names it, for as long as the block lasts.

    In a git work tree that is the tree, of which only what git tracks counts. Elsewhere Nix would copy all that lies
    there into its store for everybody to read, private keys too: so it gets a copy without hidden files, below `own`.
    Raises Refused if there is no flake.
    """
    root = root.resolve()  # Nix takes a wrong path from the store for a flake behind a symbolic link
    if not (root / "flake.nix").is_file():
        raise Refused("has no flake.nix", where=str(root), hint="`pyhomelab init DIR` makes a lab with one")
    tree = _work_tree(root)
    if tree is not None:
        below = "" if tree == root else f"?dir={quote(str(root.relative_to(tree)))}"
        yield f"git+file://{quote(str(tree))}{below}"
        return
    own.mkdir(parents=True, exist_ok=True, mode=0o700)
    with TemporaryDirectory(prefix="flake-", dir=own) as copy:
        shutil.copytree(root, copy, symlinks=True, ignore=shutil.ignore_patterns(".*", "result*"), dirs_exist_ok=True)
        yield f"path:{quote(str(Path(copy).resolve()))}"


def refuse_untracked(root: Path, directory: Path) -> None:
    """Raise Refused if the flake is in a git work tree and one of its files is not: Nix would not see it."""
    root = root.resolve()
    if _work_tree(root) is None:
        return
    argv = ["git", "-C", str(root), "ls-files", "-z", "--cached"]
    done = run(argv, doing="asking git for its files", needs="the lab is in git, and Nix reads it with git's help")
    tracked = {root / name for name in done.stdout.split("\0")}
    unseen = [str(file.relative_to(root)) for file in _files(root, directory.resolve()) if file not in tracked]
    if unseen:
        shown = listed(unseen) if len(unseen) <= _SHOWN else listed([*unseen[:_SHOWN], f"{len(unseen) - _SHOWN} more"])
        folders = sorted({name.partition("/")[0] for name in unseen})
        raise Refused(
            f"{counted(len(unseen), 'file')} that git does not know, so that Nix does not see them: {shown}",
            where=str(root),
            hint=f"git add {' '.join(folders)}",
        )


def _work_tree(root: Path) -> Path | None:
    return next((place for place in (root, *root.parents) if (place / ".git").exists()), None)


def _files(root: Path, directory: Path) -> Iterable[Path]:
    """List the files that the flake is made of."""
    frame = [root / "flake.nix", root / "flake.lock"]
    found = [*frame, *(root / "nix").rglob("*.nix"), *directory.rglob("*.nix"), *(directory / "secrets").rglob("*")]
    hidden = [file for file in found if any(part.startswith(".") for part in file.relative_to(root).parts)]
    return [file for file in sorted(set(found) - set(hidden)) if file.is_file()]
