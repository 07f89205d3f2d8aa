"""Machines of tests/data/facts, and what is made of them; run as a program, it writes their entries anew."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.facts.answer import facts_of
from pyhomelab.facts.suggestion import suggestion
from pyhomelab.shell import Done

if TYPE_CHECKING:
    from pyhomelab.facts.machine import Facts

RECORDINGS = Path(__file__).parent / "data/facts"
REPORT = RECORDINGS / "report.json"
KINDS = sorted(folder.parent.name for folder in RECORDINGS.glob("*/answer"))
NETWORKS = {"home": ip_network("192.168.178.0/24"), "lan": ip_network("192.168.1.0/24")}


def answer(kind: str) -> str:
    """Give what a machine answered."""
    return (RECORDINGS / kind / "answer").read_text(encoding="utf-8")


def machine(kind: str) -> Facts:
    """Give what a machine is made of."""
    return facts_of(kind, Done(0, answer(kind), ""))


def entry(kind: str) -> str:
    """Give the entry that a machine suggests."""
    return suggestion(kind, machine(kind), NETWORKS).text


if __name__ == "__main__":
    for each in KINDS:
        (RECORDINGS / each / "entry.yaml").write_text(entry(each), encoding="utf-8")
