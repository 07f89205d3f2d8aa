"""What a machine runs, against what it would boot and what it was last given from here: whether somebody touched it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pyhomelab.text.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.state.hoststate import Generation, HostState, System

Drift = Literal["in sync", "reboot pending", "uncommitted", "changed by hand", "unknown"]


def drift_of(state: HostState, deployed: str | None) -> Drift:
    """Say how a machine stands, given the system that it was last given from here, if that is known.

    "changed by hand": it would boot a generation that was not deployed from here. For the others see
    `HostState.drift`; a system that is only tried is "uncommitted" whoever made it.
    """
    default = state.next_boot
    if state.drift in ("unknown", "uncommitted") or default is None:
        return state.drift
    return "changed by hand" if deployed is not None and default.path != deployed else state.drift


def remarks(state: HostState, deployed: str | None) -> Iterator[str]:
    """Explain how a machine stands, unless it is in sync, in sentences."""
    current, booted, default = state.current, state.booted, state.next_boot
    if default is None or current is None or booted is None:
        yield "keeps no generation that it would boot" if default is None else "does not say what it runs"
        return
    if drift_of(state, deployed) == "changed by hand":
        yield f"its generation {default.number} was not deployed from here, but by hand or from elsewhere"
    if state.drift == "uncommitted":
        yield f"the next boot undoes what it runs: it starts generation {default.number} again"
    elif state.drift == "reboot pending":
        yield _pending(state, current, booted, default)


def _pending(state: HostState, current: System, booted: System, default: Generation) -> str:
    if state.generation_of(current) != default:
        return f"the next boot starts generation {default.number}"
    names = current.parts.keys() | booted.parts.keys()
    differing = sorted(part for part in names if current.parts.get(part) != booted.parts.get(part))
    return f"runs with the {listed(differing)} of the system that it was booted with, until it is rebooted"
