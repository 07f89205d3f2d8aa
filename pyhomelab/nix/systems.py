"""Machines of a flake → their systems, built: each as soon as it is evaluated, whatever becomes of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.nix.build import build
from pyhomelab.nix.evaluation import evaluate
from pyhomelab.parallel import as_they_end, crew
from pyhomelab.process import Children
from pyhomelab.state.stations import Evaluated

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from pyhomelab.nix.build import Site
    from pyhomelab.state.stations import BuildFailed, Built, EvaluationFailed
    from pyhomelab.telling.events import Tell

# Each is a Nix of its own that builds as many derivations at once as nix.conf allows.
_AT_ONCE = 4


def build_machines(
    reference: str, hosts: Sequence[str], site: Site, tell: Tell
) -> dict[str, Built | BuildFailed | EvaluationFailed]:
    """Evaluate and build machines of a flake; gives what became of each, in their order.

    Raises FlakeFailed, before anything is built, if the error is not of one machine but of the flake.
    """
    results: dict[str, Built | BuildFailed | EvaluationFailed] = {}
    building: list[Future[Built | BuildFailed]] = []

    def built(evaluated: Evaluated) -> Built | BuildFailed:
        result = build(evaluated, site, children, tell)
        tell(result)
        return result

    with Children() as children, crew(_AT_ONCE, children) as threads:
        for evaluated in evaluate(reference, hosts, children, tell):
            tell(evaluated)
            if isinstance(evaluated, Evaluated):
                building.append(threads.submit(built, evaluated))
            else:
                results[evaluated.host] = evaluated
        for done in as_they_end(building):
            result = done.result()
            results[result.host] = result
    return {host: results[host] for host in hosts}
