"""Names that the firewall would read as something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.errors import Mistake

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.rules.scope import Path, Scope

# NixOS writes interfaces into its rules without quotes. nft refuses these words there (tried with nftables 1.0.6).
NFTABLES_WORDS = frozenset(
    """
        accept add and bridge chain comment constant counter create ct day
        define delete describe device devices drop dup dynamic element elements export exthdr
        fib flags flow flowtable flush fwd gt handle hook hour icmp import
        index inet insert interval jhash jump limit list log lt map mark
        masquerade meta meter monitor netdev notrack numgen oif or osf policy position
        priority queue quota random redirect reject rename replace return rt rule ruleset
        secmark set size socket symhash synproxy table tcp time timeout tproxy type
        typeof update vmap xor
    """.split()  # noqa: SIM905 - a list would be eighty lines long
)


def interfaces_are_not_words_of_the_firewall(scope: Scope) -> Iterator[Mistake]:
    """Refuse networks (guests name their cards after them), links and bridges that nftables has another meaning for."""
    for path, name, is_key in _interfaces(scope):
        if name in NFTABLES_WORDS:
            reason = "is a word of nftables, and would break the firewall's rules"
            yield Mistake(path, reason, f"call it something else, such as my-{name}", shows_value=not is_key)


def _interfaces(scope: Scope) -> Iterator[tuple[Path, str, bool]]:
    for name in scope.inventory.networks:
        yield ("networks", name), name, True
    for host_name, host in scope.inventory.hosts.items():
        for link_name, link in host.links.items():
            path: Path = ("hosts", host_name, "links", link_name)
            yield path, link_name, True
            if link.bridge is not None:
                yield (*path, "bridge"), link.bridge, False
            for network, tagged in link.vlans.items():
                if tagged.bridge is not None:
                    yield (*path, "vlans", network, "bridge"), tagged.bridge, False
