"""What of two systems decides whether a host that runs one of them can be switched to the other."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pyhomelab.wording import harmless

if TYPE_CHECKING:
    from collections.abc import Mapping


def hindrances(running: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """Say what keeps a host from switching to a system without a reboot: it must be booted instead of tried.

    Both hold the text of files of a system by name: `init-interface-version`, `switch-inhibitors` (JSON). One that is
    missing hinders nothing.
    """
    found = []
    inits = [files.get("init-interface-version", "").strip() for files in (running, new)]
    if all(inits) and inits[0] != inits[1]:
        found.append("its init")
    before, after = (_inhibitors(files.get("switch-inhibitors", "")) for files in (running, new))
    found += sorted(name for name in before.keys() & after.keys() if before[name] != after[name])
    return tuple(found)


def _inhibitors(text: str) -> Mapping[str, object]:
    """Read what may not change while a system runs; NixOS has once written a list there, which says nothing."""
    try:
        read = json.loads(text or "{}")
    except ValueError:
        return {}
    return {harmless(str(name)): value for name, value in read.items()} if isinstance(read, dict) else {}
