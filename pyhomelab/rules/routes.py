"""How machines are reached, and where they send what is for elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.rules.scope import Scope


def machines_can_be_reached(scope: Scope) -> Iterator[Mistake]:
    """Refuse machines without any address."""
    reached = {attached.machine for attached in scope.attachments if attached.address is not None}
    for section, names in (("hosts", scope.inventory.hosts), ("guests", scope.inventory.guests)):
        for name in names:
            if name not in reached:
                yield Mistake(
                    (section, name, "links"),
                    "give the machine no address, so that nobody can reach it",
                    "give one of its links an `address:`, or `address: dhcp`",
                    shows_value=False,
                )


def machines_have_one_default_route(scope: Scope) -> Iterator[Mistake]:
    """Refuse a second way out: which one is taken would be chance."""
    first: dict[tuple[str, str, int], str] = {}
    for attached in scope.attachments:
        net = scope.inventory.networks.get(attached.network or "")
        if net is None or net.gateway is None or attached.address is None or not attached.default_route:
            continue
        key = (attached.kind, attached.machine, net.gateway.version)
        if key in first:
            yield Mistake(
                attached.path,
                f"would be a second default route, by the gateway of network {attached.network} "
                f"beside that of network {first[key]}",
                "write `default_route: false` where it is not wanted",
                shows_value=False,
            )
        first.setdefault(key, attached.network or "")
