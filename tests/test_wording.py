"""How things are said: what others said made harmless, and times in words."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhomelab.text.wording import harmless, lasting


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("plain, with ümlauts and 日本語", "plain, with ümlauts and 日本語"),
        ("\x1b[1;31mred\x1b[0m and \x1b[2Jgone", "red and gone"),
        ("\x1b]0;a title\x07text\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "textlink"),
        ("a\tb\rc\bd\x00e\x7f", "a bcde"),
        ("\u202eright to left\u2066\u200b\ufeff", "right to left"),
        ("one\ntwo", "one\ntwo"),
        ("\x9b31mC1", "31mC1"),
    ],
)
def test_what_steers_a_terminal_is_taken_out(said: str, shown: str) -> None:
    assert harmless(said) == shown


@given(st.text())
def test_what_is_left_are_lines_of_visible_characters(text: str) -> None:
    assert all(letter == "\n" or not unicodedata.category(letter).startswith("C") for letter in harmless(text))
    assert harmless(harmless(text)) == harmless(text)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (172799, "47 h"),
     (172800, "2 days"), (86400 * 400, "400 days")],
)  # fmt: skip
def test_how_long_something_lasts_is_said_in_its_largest_unit(seconds: float, said: str) -> None:
    assert lasting(seconds) == said
