"""Health checks that machines declare: each asks one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.errors import Mistake
from pyhomelab.text.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.model import DeclaredCheck
    from pyhomelab.rules.scope import Path, Scope


def checks_ask_one_thing(scope: Scope) -> Iterator[Mistake]:
    """Refuse a check that asks nothing, or several things at once."""
    for path, check in _declared(scope):
        if not check.kinds:
            yield Mistake(path, "asks nothing", "add `unit:`, `tcp:`, `http:` or `command:`", shows_value=False)
        elif len(check.kinds) > 1:
            reason = f"asks {len(check.kinds)} things at once: {listed(check.kinds)}"
            yield Mistake(path, reason, "make a check of its own for each", shows_value=False)


def only_pages_have_a_status(scope: Scope) -> Iterator[Mistake]:
    """Refuse the status of something that is no page."""
    for path, check in _declared(scope):
        if check.status is not None and check.http is None:
            yield Mistake((*path, "status"), "is of no use without `http`", "take it out, or ask a page by `http:`")


def _declared(scope: Scope) -> Iterator[tuple[Path, DeclaredCheck]]:
    for section, machines in (("hosts", scope.inventory.hosts), ("guests", scope.inventory.guests)):
        for machine, has in machines.items():
            for name, check in has.checks.items():
                yield (section, machine, "checks", name), check
