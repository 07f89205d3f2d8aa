"""Nix text: what Nix reads back is what was meant, whatever the text; and it is laid out as nixfmt would."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyhomelab.text.nixlang import Path, attribute, expression, string

if TYPE_CHECKING:
    from pathlib import Path as File

needs_nix = pytest.mark.skipif(
    shutil.which("nix-instantiate") is None, reason="nix is not on PATH (tools/get-nix gets it)"
)
needs_nixfmt = pytest.mark.skipif(
    shutil.which("nixfmt") is None, reason="nixfmt is not on PATH (tools/get-nixfmt gets it)"
)

NASTY = [
    "${x}",
    "$${x}",
    "''",
    "''${x}",
    '"',
    "\\",
    "\\${x}",
    "$",
    "$$",
    "\n",
    "\r\n",
    "\t",
    "a\u2028b",
    "é",
    "{",
    "}",
    "#",
    "*/",
    "🦊",
]
texts = st.lists(
    st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
).map("".join)
names = texts.filter(bool)
values: st.SearchStrategy[Any] = st.recursive(
    texts | st.booleans() | st.none() | st.integers(-(2**62), 2**62),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(names, part, max_size=4),
    max_leaves=12,
)


def evaluated(text: str) -> Any:
    done = subprocess.run(
        ["nix-instantiate", "--eval", "--strict", "--json", "-"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stderr}"
    return json.loads(done.stdout)


@needs_nix
@settings(max_examples=100, deadline=None)
@given(st.lists(values, min_size=5, max_size=15))  # starting Nix costs more than reading one more value
def test_nix_reads_exactly_the_value_that_was_written(value: list[Any]) -> None:
    assert evaluated(expression(value)) == value


@needs_nix
def test_nix_reads_every_nasty_piece_beside_every_other() -> None:
    pairs = [one + other for one in NASTY for other in NASTY]
    assert evaluated(expression(pairs)) == pairs
    assert evaluated(expression(dict.fromkeys(pairs, 1))) == dict.fromkeys(pairs, 1)


def test_a_text_with_nul_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a Nix string cannot hold NUL$"):
        string("a\0b")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("br-lan", "br-lan"),
        ("eno2.20", '"eno2.20"'),
        ("if", '"if"'),
        ("1a", '"1a"'),
        ("", '""'),
        ("a b", '"a b"'),
        ("_x'", "_x'"),
    ],
)
def test_an_attribute_is_quoted_only_where_it_must_be(name: str, written: str) -> None:
    assert attribute(name) == written


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "{ }"),
        ([], "[ ]"),
        ([1], "[ 1 ]"),
        ([-1], "[ (-1) ]"),
        ([1, 2], "[\n  1\n  2\n]"),
        ({"a": {"b": {"c": True}}}, "{\n  a.b.c = true;\n}"),
        ({"a": {"b": 1, "c": None}}, "{\n  a = {\n    b = 1;\n    c = null;\n  };\n}"),
        ([{"a": Path("./x.nix")}], "[\n  {\n    a = ./x.nix;\n  }\n]"),
    ],
)
def test_values_are_laid_out_as_a_careful_person_would(value: Any, text: str) -> None:
    assert expression(value) == text


plain_names = st.text("abcdefgh-_.", min_size=1, max_size=30)
plain_values: st.SearchStrategy[Any] = st.recursive(
    st.text("abc ${}\"'\\/.", max_size=110) | st.booleans() | st.none() | st.integers(0, 10**6),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(plain_names, part, max_size=4),
    max_leaves=20,
)


@needs_nixfmt
@settings(max_examples=60, deadline=None)
@given(st.dictionaries(plain_names, plain_values, max_size=6))
def test_nixfmt_would_change_nothing(value: dict[str, Any]) -> None:
    text = expression(value) + "\n"
    done = subprocess.run(["nixfmt", "-"], input=text, capture_output=True, text=True, check=False)
    assert done.stdout == text, done.stderr


@needs_nixfmt
def test_nixfmt_does_change_what_is_laid_out_otherwise(tmp_path: File) -> None:
    (tmp_path / "x.nix").write_text("{a=1;}")
    assert (
        subprocess.run(["nixfmt", "--check", str(tmp_path / "x.nix")], capture_output=True, check=False).returncode != 0
    )
