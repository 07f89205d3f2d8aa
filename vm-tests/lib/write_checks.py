"""Writes checks.json of the labs of the VM tests: what each of their machines can be asked when it is well.

Run it after `pyhomelab gen`: python vm-tests/lib/write_checks.py vm-tests/labs/*
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from pyhomelab.checks import checks_of
from pyhomelab.inventory.load import load


def text_of(lab: Path) -> str:
    """Give the checks of a lab's machines as JSON."""
    checks = {machine: [asdict(check) for check in found] for machine, found in checks_of(load(lab)).items()}
    return json.dumps(checks, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for directory in map(Path, sys.argv[1:]):
        (directory / "checks.json").write_text(text_of(directory), encoding="utf-8")
