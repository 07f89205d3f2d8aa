"""Flake → derivations, one a machine. The error of one machine never hides another's.

nix-eval-jobs evaluates many machines at once and gives each as soon as it is there. Where it is not installed, and for
machines that it left without an answer, there is `nix eval`, one process a machine.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.errors import HomelabError
from pyhomelab.nix.budget import own_budget
from pyhomelab.nix.eval_jobs import PROGRAM, answer, command
from pyhomelab.nix.flakes import MACHINES, NEEDS_NIX, NIX
from pyhomelab.parallel import side_by_side
from pyhomelab.state.stations import Evaluated, EvaluationFailed
from pyhomelab.telling.events import AskedAgain, Evaluating
from pyhomelab.text.nixlang import string
from pyhomelab.text.said import why_not_evaluated
from pyhomelab.text.wording import near_miss

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyhomelab.process import Children, Ended
    from pyhomelab.telling.events import Tell

_APPLY = "system: { drv = system.drvPath; out = system.outPath; }"
_DIED = re.compile(r"\bworker (got killed|exited|pipe got closed)")
_NEEDS_EVAL_JOBS = "it was there a moment ago"


class FlakeFailed(HomelabError):
    """The flake itself has an error, so that nothing can be said of any machine; nothing was built."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class _Killed:
    host: str
    how: str


def evaluate(
    reference: str, hosts: Sequence[str], children: Children, tell: Tell
) -> Iterator[Evaluated | EvaluationFailed]:
    """Evaluate machines of a flake; gives exactly one answer for each, in the order in which they come.

    Raises FlakeFailed if the error is not of one machine but of the flake.
    """
    known = _machines(reference, children)
    for host in hosts:
        if host not in known:
            hint = near_miss(host, known, kind="machine")
            yield EvaluationFailed(host, f"the flake has no {MACHINES}.{host}; {hint}")
    wanted = [host for host in hosts if host in known]
    if wanted and shutil.which(PROGRAM):
        yield from _by_eval_jobs(reference, wanted, children, tell)
    elif wanted:
        workers = own_budget(len(wanted)).workers
        tell(Evaluating(tuple(wanted), "nix eval", workers))
        yield from _each(reference, wanted, workers, children, tell)


def _machines(reference: str, children: Children) -> list[str]:
    """List the machines of the flake: that fetches its inputs once, and finds the errors that are of no machine."""
    ended, said = nix_eval(f"{reference}#{MACHINES}", "builtins.attrNames", children)
    if ended.exit_code:
        raise FlakeFailed(f"the flake cannot be evaluated\n{why_not_evaluated(ended.stderr)}")
    names: list[str] = json.loads(said)
    return names


def _by_eval_jobs(
    reference: str, hosts: Sequence[str], children: Children, tell: Tell
) -> Iterator[Evaluated | EvaluationFailed]:
    waiting, budget = list(hosts), own_budget(len(hosts))
    tell(Evaluating(tuple(hosts), PROGRAM, budget.workers))
    with children.running(command(reference, hosts, budget), needs=_NEEDS_EVAL_JOBS) as jobs:
        for line in jobs.lines():
            result = answer(line)
            if result is not None and result.host in waiting:
                waiting.remove(result.host)
                yield result
        ended = jobs.end()
    if waiting:
        # Its exit code says little: errors of machines leave it 0, and success has been seen with 1.
        died = ended.was_killed or _DIED.search(ended.stderr)
        tell(AskedAgain(tuple(waiting), _reason(ended)))
        yield from _each(reference, waiting, 1 if died else budget.workers, children, tell)


def _reason(ended: Ended) -> str:
    if ended.was_killed:
        return f"{PROGRAM} was killed, most likely for want of memory"
    said = why_not_evaluated(ended.stderr).splitlines() if ended.exit_code else []
    return f"{PROGRAM} gave no answer" + (f" ({said[-1].strip()})" if said else "")


def _each(
    reference: str, hosts: Sequence[str], at_once: int, children: Children, tell: Tell
) -> Iterator[Evaluated | EvaluationFailed]:
    """Evaluate each machine in a process of its own. One that gets killed has another try while no other runs."""
    killed: list[_Killed] = []
    for result in side_by_side(lambda host: _one(reference, host, children), hosts, at_once, children):
        if isinstance(result, _Killed):
            killed.append(result)
        else:
            yield result
    if killed and at_once > 1:
        again = [one.host for one in killed]
        tell(AskedAgain(tuple(again), "nix eval was killed, most likely for want of memory"))
        yield from _each(reference, again, 1, children, tell)
    else:
        for one in killed:
            yield EvaluationFailed(one.host, one.how)


def _one(reference: str, host: str, children: Children) -> Evaluated | EvaluationFailed | _Killed:
    installable = f"{reference}#{MACHINES}.{string(host)}.config.system.build.toplevel"
    ended, said = nix_eval(installable, _APPLY, children)
    if ended.was_killed:
        return _Killed(host, "nix eval was killed though it ran alone, most likely for want of memory")
    if ended.exit_code:
        return EvaluationFailed(host, why_not_evaluated(ended.stderr) or f"nix eval ended with {ended.exit_code}")
    found = json.loads(said)
    return Evaluated(host, found["drv"], found["out"])


def nix_eval(installable: str, function: str, children: Children) -> tuple[Ended, str]:
    """Evaluate what a function makes of a part of a flake; gives how Nix ended, and its answer in JSON."""
    # What the lock file pins is what is built: an evaluation never changes it. The cache holds nothing of a function.
    argv = [*NIX, "eval", "--no-update-lock-file", "--option", "eval-cache", "false", "--json"]
    argv += [installable, "--apply", function]
    with children.running(argv, needs=NEEDS_NIX) as nix:
        said = "\n".join(nix.lines())
        return nix.end(), said
