"""nix-eval-jobs: how it is asked, and what its lines mean."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pyhomelab.nix.flakes import MACHINES
from pyhomelab.state.stations import Evaluated, EvaluationFailed
from pyhomelab.text.nixlang import string
from pyhomelab.text.said import why_not_evaluated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyhomelab.nix.budget import Budget

PROGRAM = "nix-eval-jobs"


def command(reference: str, hosts: Sequence[str], budget: Budget) -> list[str]:
    """Give the arguments that have it evaluate the systems of these machines of a flake, and of no other."""
    chosen = " ".join(string(host) for host in hosts)
    system = "(host: { name = host; value = machines.${host}.config.system.build.toplevel; })"
    return [
        PROGRAM,
        *("--option", "extra-experimental-features", "nix-command flakes"),
        *("--option", "eval-cache", "false"),  # its workers would wait for each other
        *("--flake", f"{reference}#{MACHINES}"),
        *("--select", f"machines: builtins.listToAttrs (map {system} [ {chosen} ])"),
        *("--workers", str(budget.workers)),
        *("--max-memory-size", str(budget.memory)),
    ]


def answer(line: str) -> Evaluated | EvaluationFailed | None:
    """Read a line of its output; None if it is about no machine."""
    try:
        said = json.loads(line)
        (host,) = said["attrPath"]  # `attr` is quoted where a name has a dot
        if "error" in said:
            return EvaluationFailed(host, why_not_evaluated(said["error"]))
        return Evaluated(host, said["drvPath"], said["outputs"]["out"])
    except (ValueError, KeyError, TypeError):
        return None
