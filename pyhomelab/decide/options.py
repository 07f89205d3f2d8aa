"""The shape of what is decided: plain data that becomes Nix options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyhomelab.model.units import GiB, MiB, TiB

if TYPE_CHECKING:
    from collections.abc import Mapping

Options = dict[str, Any]
_UNITS = {"T": TiB, "G": GiB, "M": MiB}


def stated(options: Mapping[str, Any]) -> Options:
    """Leave out what says nothing: None and empty lists, sets and texts. False and 0 stay."""
    return {key: value for key, value in options.items() if value is not None and value not in ([], {}, "")}


def size(amount: int) -> str:
    """Write bytes (a whole number of MiB) as zfs, qemu-img, drbd and disko read them, binary: `2T`, `60G`."""
    unit = next(unit for unit in _UNITS if amount % _UNITS[unit] == 0)
    return f"{amount // _UNITS[unit]}{unit}"


def mib(amount: int) -> int:
    """Give bytes in MiB."""
    return amount // MiB
