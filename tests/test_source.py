"""YAML from outside: what is read, with which places, and what is refused before it can do harm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhomelab.errors import UnreadableInventory
from pyhomelab.text.source import DEEPEST_NESTING, LARGEST_FILE, MOST_PARTS, parse, read


def refused(text: str) -> str:
    with pytest.raises(UnreadableInventory) as caught:
        parse(text, "lab.yaml")
    return str(caught.value)


def test_plain_scalars_stay_text_except_null_true_and_false() -> None:
    text = 'a: [1.30, 0x10, yes, 2026-01-01, true, false, null, ~, "true", "", 007]'
    assert parse(text, "lab.yaml").root.plain() == {
        "a": ["1.30", "0x10", "yes", "2026-01-01", True, False, None, None, "true", "", "007"]
    }


def test_every_part_knows_its_line_and_column() -> None:
    root = parse("hosts:\n  dl1:\n    links: [eno1,\n      eno2]\n", "lab.yaml").root
    host = root.value["hosts"].value["dl1"]
    second = host.value["links"].value[1]
    assert (second.line, second.column) == (4, 7)
    assert root.value["hosts"].keys["dl1"] == (2, 3)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: &bomb [x]", "lab.yaml:1:4: &bomb is an anchor; write the value out; anchors and aliases are not taken"),
        ("a: *bomb", "lab.yaml:1:4: *bomb is an alias; write the value out; anchors and aliases are not taken"),
        (
            "a: !!python/object/apply:os.system [x]",
            "lab.yaml:1:4: tag:yaml.org,2002:python/object/apply:os.system is a tag; write the plain value",
        ),
        ("- a\n- b", "lab.yaml:1:1: is not a mapping of sections; begin with `lab:`, `networks:` and `hosts:`"),
        ("hello", "lab.yaml:1:1: is not a mapping of sections; begin with `lab:`, `networks:` and `hosts:`"),
        ("a: 1\n---\nb: 1", "lab.yaml:2:1: a second document begins here; split the lab over several files instead"),
        ("{[a]: 1}", "lab.yaml:1:2: a list or a mapping stands where a key should be; a key is a plain word"),
        ("a: x\x07", "lab.yaml:1:5: holds the control character 0x07; remove it"),
        ("ok: 1\nb: \x00", "lab.yaml:2:4: holds the control character 0x00; remove it"),
        (
            "a:\n\tb: 1",
            "lab.yaml:2:1: is not YAML: found character that cannot start any token (a tab); indent with spaces, not tabs",
        ),
        (
            "a: b: c",
            "lab.yaml:1:5: is not YAML: mapping values are not allowed in this context; check the indentation and quotes here",
        ),
        (
            "a: [1, 2",
            "lab.yaml:2:1: is not YAML: did not find expected ',' or ']'; check the indentation and quotes here",
        ),
    ],
)
def test_what_is_not_plain_yaml_is_refused_with_its_place(text: str, sentence: str) -> None:
    assert refused(text) == sentence


def test_nesting_is_refused_before_it_can_exhaust_the_reader() -> None:
    sentence = f"lab.yaml:1:{DEEPEST_NESTING + 3}: is nested deeper than {DEEPEST_NESTING} levels; no key of an inventory lies that deep"
    assert refused("a: " + "[" * 100_000) == sentence


def test_a_key_that_stands_twice_is_a_mistake_and_the_first_one_counts() -> None:
    document = parse("hosts:\n  dl1: {memory: 1GiB, memory: 2GiB}\n", "lab.yaml")
    assert document.root.plain() == {"hosts": {"dl1": {"memory": "1GiB"}}}
    assert [str(mistake) for mistake in document.mistakes] == [
        "lab.yaml:2:23: hosts.dl1.memory: stands here a second time, after line 2; remove one of the two"
    ]


def test_a_key_without_a_value_is_a_mistake_except_for_a_whole_section() -> None:
    document = parse("guests:\nhosts:\n  dl1:\n    kvm:\n    tags:\n    - \n", "lab.yaml")
    assert [str(mistake) for mistake in document.mistakes] == [
        "lab.yaml:4:5: hosts.dl1.kvm: has no value; write one, `{}` for an empty mapping, or remove the key",
        "lab.yaml:6:6: hosts.dl1.tags[0]: has no value; write one, `{}` for an empty mapping, or remove the key",
    ]


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lab.yaml").write_bytes(b"lab: caf\xe9")
    with pytest.raises(UnreadableInventory) as caught:
        read(tmp_path / "lab.yaml", "lab.yaml")
    assert str(caught.value) == "lab.yaml: is not UTF-8 text: byte 8 is 0xe9; save it as UTF-8"


def test_a_file_of_ten_megabytes_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "lab.yaml").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(UnreadableInventory) as caught:
        read(tmp_path / "lab.yaml", "lab.yaml")
    assert str(caught.value) == "lab.yaml: is larger than 8 MiB; split the lab over several files"


def test_a_file_that_is_not_there_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInventory) as caught:
        read(tmp_path / "absent.yaml", "absent.yaml")
    assert str(caught.value) == (
        "absent.yaml: cannot be read: no such file or directory; `pyhomelab init DIR` makes a lab to start from"
    )


def test_what_never_ends_or_never_begins_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for path in (tmp_path / "pipe.yaml", tmp_path, Path("/dev/zero")):
        with pytest.raises(UnreadableInventory) as caught:
            read(path, "lab.yaml")
        assert str(caught.value) == "lab.yaml: is not a file; name a file, or a directory of *.yaml files"


def test_a_million_parts_are_refused_before_they_are_judged() -> None:
    assert refused("".join(f"k{number}: 1\n" for number in range(MOST_PARTS))) == (
        "lab.yaml:200000:10: is the 400001st part of this file; split the lab over several files"
    )


def test_a_key_as_long_as_a_book_is_refused() -> None:
    assert refused(f"? {'x' * 2000}\n: 1") == (
        "lab.yaml:1:3: more than a word stands where a key should be; a key is a plain word"
    )


@given(st.text())
def test_any_text_is_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        assert isinstance(parse(text, "lab.yaml").root.value, dict)
    except UnreadableInventory as error:
        assert str(error).startswith("lab.yaml")  # noqa: PT017 - either way is right


@given(st.recursive(st.text("ab{}[]:,&*!|>'\"%@`# \n\t-?", max_size=12), lambda part: st.lists(part).map("\n".join)))
def test_any_mess_of_yaml_signs_is_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        parse(text, "lab.yaml").root.plain()
    except UnreadableInventory as error:
        assert str(error).startswith("lab.yaml")  # noqa: PT017 - either way is right
