"""How age writes its keys (BIP 173): a prefix, the data five bits a letter, and a checksum."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECK = 6


def encoded(prefix: str, data: bytes) -> str:
    """Write bytes behind a prefix."""
    padding = -len(data) * 8 % 5
    number, count = int.from_bytes(data, "big") << padding, (len(data) * 8 + padding) // 5
    words = [number >> 5 * place & 31 for place in reversed(range(count))]
    check = _checksum([*_expanded(prefix), *words])
    return f"{prefix}1" + "".join(_ALPHABET[word] for word in [*words, *check])


def decoded(text: str) -> tuple[str, bytes] | None:
    """Give prefix and data of what `encoded` wrote; None if it is mistyped, or not written so at all."""
    prefix, _, letters = text.rpartition("1")
    if not prefix or len(letters) < _CHECK or any(letter not in _ALPHABET for letter in letters):
        return None
    words = [_ALPHABET.index(letter) for letter in letters]
    if _checksum([*_expanded(prefix), *words[:-_CHECK]]) != words[-_CHECK:]:
        return None
    number, bits = 0, 5 * (len(words) - _CHECK)
    for word in words[:-_CHECK]:
        number = number << 5 | word
    data = (number >> bits % 8).to_bytes(bits // 8, "big")
    return (prefix, data) if encoded(prefix, data) == text else None


def _expanded(prefix: str) -> list[int]:
    return [*(ord(letter) >> 5 for letter in prefix), 0, *(ord(letter) & 31 for letter in prefix)]


def _checksum(words: Sequence[int]) -> list[int]:
    remainder = 1
    for word in (*words, 0, 0, 0, 0, 0, 0):
        top = remainder >> 25
        remainder = (remainder & 0x1FFFFFF) << 5 ^ word
        for bit, term in enumerate(_GENERATOR):
            remainder ^= term if top >> bit & 1 else 0
    return [(remainder ^ 1) >> 5 * place & 31 for place in reversed(range(6))]
