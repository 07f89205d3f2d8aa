"""Names that NixOS writes unquoted into the rules of nftables."""

from __future__ import annotations

import subprocess

import pytest

from pyhomelab.rules.firewall_words import NFTABLES_WORDS
from tests.labs import said
from tests.modules.programs import needs

REASON = "is a word of nftables, and would break the firewall's rules; call it something else, such as"


def is_read_by_nft(names: list[str]) -> bool:
    rules = "\n".join(f"iifname {name} tcp dport 80 accept" for name in names)
    text = f"table inet t {{\nchain input {{\ntype filter hook input priority 0;\n{rules}\n}}\n}}\n"
    return (
        subprocess.run(
            ["unshare", "--net", "nft", "--check", "--file", "-"], input=text.encode(), capture_output=True, check=False
        ).returncode
        == 0
    )


def test_a_network_is_not_called_like_a_word_of_nftables() -> None:
    assert said({"networks.devices": {"cidr": "10.9.0.0/24"}}) == [f"networks.devices: {REASON} my-devices"]
    assert said({"networks.gadgets": {"cidr": "10.9.0.0/24"}}) == []


def test_a_bridge_is_not_called_like_a_word_of_nftables() -> None:
    assert (
        said({"hosts.dl1.links.eno1.bridge": "bridge"})[0] == f"hosts.dl1.links.eno1.bridge: bridge {REASON} my-bridge"
    )


@needs("nftables", "nft", "unshare")
@pytest.mark.parametrize("word", sorted(NFTABLES_WORDS))
def test_nft_refuses_each_of_these_words(word: str) -> None:
    assert not is_read_by_nft([word])
    assert is_read_by_nft([f"my-{word}"])


@needs("nftables", "nft", "unshare")
def test_nft_takes_the_names_that_labs_use() -> None:
    assert is_read_by_nft(
        ["lan", "storage", "guests", "br-lan", "eno2.20", "bond0.40", "enp1s0f0", "iot", "dmz", "wan"]
    )
