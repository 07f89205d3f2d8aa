"""Compares the reference pages with what they would say now; --write renews them.

Run: tools/reference [--check | --write], or `python -m tools.pages` in the repository. Exits 1 if a page is stale. The
page of the NixOS options needs Nix and nixpkgs' lib; without them it is left as it is, which is said.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from itertools import islice
from typing import TYPE_CHECKING

from tests.modules.sources import ROOT
from tools.pages.all import PAGES, UnavailableError, said_now

if TYPE_CHECKING:
    from pathlib import Path

_MOST_LINES = 40


def main(arguments: list[str], docs: Path = ROOT / "docs") -> int:
    """Compare the pages in `docs`, or write them; gives the exit code."""
    parser = argparse.ArgumentParser(prog="tools/reference", description="The reference pages of docs/.")
    manner = parser.add_mutually_exclusive_group()
    manner.add_argument("--check", action="store_true", help="compare the pages with what they would say (by default)")
    manner.add_argument("--write", action="store_true", help="write the pages that say something else")
    write = parser.parse_args(arguments).write
    return max([_settle(docs / name, write=write) for name in PAGES])


def _settle(file: Path, *, write: bool) -> int:
    shown = f"docs/{file.name}"
    try:
        now = said_now(file.name)
    except UnavailableError as why:
        print(f"{shown}: left as it is: {why}", file=sys.stderr)
        return 0
    before = file.read_text() if file.exists() else ""
    if now == before:
        print(f"{shown}: current")
        return 0
    if write:
        file.write_text(now)
        print(f"{shown}: written")
        return 0
    changes = difflib.unified_diff(
        before.splitlines(), now.splitlines(), "as it is", "as it would be", lineterm="", n=1
    )
    print(f"{shown}: stale; `tools/reference --write` renews it", *islice(changes, _MOST_LINES), sep="\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
