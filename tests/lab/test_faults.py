"""Whatever happens in a deploy, and whenever: the machine runs and boots its old system or the new one, and is told so.

`tests/lab/faults.py` has what is tried and what must become of it; docs/reliability.md shows it as tables.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.lab.crowd import Crowd, Seen, crowd
from tests.lab.faults import FAULTS, SYSTEMS, Cell, cells
from tests.lab.moments import HOW
from tests.lab.needs import missing_for_systems
from tests.lab.strikes import STRIKES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [
    pytest.mark.nix,
    pytest.mark.slow,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]

DEADLINE = 120
CELLS = cells()


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """Hosts on which several deploys are disturbed at a time."""
    with crowd(tmp_path_factory.mktemp("faults")) as hosts:
        yield hosts


@pytest.fixture
def seen(
    hosts: Crowd, request: pytest.FixtureRequest, record_testsuite_property: Callable[[str, object], None]
) -> Seen:
    """What became of a machine; what later tests ask for is tried meanwhile."""
    what = request.getfixturevalue("what")
    if not hasattr(request.config, "workerinput"):  # of several processes, each tries only what it is asked for
        hosts.begin(item.callspec.params["what"] for item in request.session.items if hasattr(item, "callspec"))
    hosts.begin([what])
    found = hosts.seen[what].result()
    record_testsuite_property(str(what), str(found.becomes))
    return found


@pytest.mark.parametrize("what", CELLS, ids=str)
def test_a_machine_is_never_lost(seen: Seen, what: Cell) -> None:
    assert seen.becomes == CELLS[what], seen.err
    assert seen.seconds < DEADLINE
    assert seen.again == ("in sync" if seen.becomes.system == "new" and seen.becomes.code else "deployed", 0), seen.err


@pytest.mark.parametrize("what", SYSTEMS)
def test_a_system_that_does_this_is_undone(seen: Seen, what: str) -> None:
    assert (seen.becomes, seen.why) == (SYSTEMS[what].becomes, SYSTEMS[what].why), seen.err
    assert seen.seconds < DEADLINE
    assert seen.again == ("deployed", 0), "and the next one is not in the way of it"


def test_every_fault_can_be_done_at_every_moment() -> None:
    assert list(STRIKES) == list(FAULTS)
    assert {cell.moment for cell in CELLS} == set(HOW)
