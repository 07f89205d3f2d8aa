"""`--host` and `--on`: which machines are meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyhomelab.errors import Refused
from pyhomelab.machines.selection import select, words_of
from pyhomelab.machines.targets import Target
from pyhomelab.model import Ssh

MACHINES = {
    name: Target(name, "192.168.10.1", Ssh(), None, Path("pin"), "x86_64-linux", tags)
    for name, tags in {"dl1": ("rack",), "dl2": ("rack", "old"), "nas": (), "storage": ("old",)}.items()
}


def chosen(*words: str) -> list[str]:
    return list(select(words, MACHINES))


def test_without_a_word_all_machines_are_meant() -> None:
    assert chosen() == ["dl1", "dl2", "nas", "storage"]


def test_names_and_tags_add_up_in_the_order_of_the_inventory() -> None:
    assert chosen("storage", "dl1", "storage") == ["dl1", "storage"]
    assert chosen("@rack") == ["dl1", "dl2"]
    assert chosen("nas", "@old") == ["dl2", "nas", "storage"]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("storge", "storge: is no machine of the lab; did you mean storage?"),
        ("DL2", "DL2: is no machine of the lab; did you mean dl2?"),
        ("router", "router: is no machine of the lab; there are dl1, dl2, nas, storage"),
        ("@rac", "@rac: is a tag that no machine has; did you mean @rack?"),
        ("@dl1", "@dl1: is a tag that no machine has; there are @old, @rack"),
        ("rack", "rack: is no machine of the lab; there are dl1, dl2, nas, storage"),
    ],
)
def test_an_unknown_name_or_tag_is_refused_with_a_near_miss(word: str, sentence: str) -> None:
    with pytest.raises(Refused) as raised:
        chosen("dl1", word)
    assert str(raised.value) == sentence
    assert raised.value.exit_code == 3


def test_a_list_is_taken_apart_at_commas() -> None:
    assert words_of("@rack, nas") == ("@rack", "nas")


@pytest.mark.parametrize("text", ["", ",", "@", "@rack,", "a b", "@@rack", "dl1@rack", "dl\x1b1"])
def test_what_is_no_list_of_names_and_tags_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not a list of names and @tags, such as @rack,nas"):
        words_of(text)
