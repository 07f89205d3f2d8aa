"""Disturbs deploys on test hosts in every way and at every moment, and prints the tables of docs/reliability.md.

Run: python tools/reliability.py [--write]. It needs what tests/lab needs, and takes some minutes. Exits 1 if the page
says something else; with --write the page is renewed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.lab.reliability import measured, tables, with_tables

PAGE = ROOT / "docs/reliability.md"


def main(*, write: bool) -> int:
    """Measure, print, and compare with the page or renew it."""
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "report.xml"
        code = pytest.main(["-q", "tests/lab/test_faults.py", f"--junit-xml={report}"])
        became = measured(report.read_text())
    new = tables(became)
    print("\n\n".join(new))
    page = PAGE.read_text()
    renewed = with_tables(page, new)
    if write:
        PAGE.write_text(renewed)
        return int(code)
    if renewed != page:
        print(f"{PAGE.name} says something else; --write renews it", file=sys.stderr)
    return int(code) or int(renewed != page)


if __name__ == "__main__":
    sys.exit(main(write=sys.argv[1:] == ["--write"]))
