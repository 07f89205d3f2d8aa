"""The option table is read as NixOS means it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.modules.option_tree import table, unparsed
from tests.modules.option_types import UnknownTypeError, parse

if TYPE_CHECKING:
    from tests.modules.option_types import Type

# Types that only their own module can describe (PHP values, HOCON …). None is of an area that a lab uses.
UNPARSED_AT_MOST = 89


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("boolean", "bool"),
        ("null or (list of string)", ["null", ["list", "str"]]),
        ("null or string or path", ["null", ["either", "str", "path"]]),
        ("attribute set of (submodule)", ["attrs", "submodule"]),
        ("attribute set of list of string", ["attrs", ["list", "str"]]),
        ("attribute set", "attrs"),
        ('one of "a", "b" or list of string', ["either", ["enum", ["a", "b"]], ["list", "str"]]),
        ("one of 0, 1, <null>", ["enum", [0, 1, None]]),
        ('strings concatenated with "\\n"', ["separated", "\n"]),
        ("(list of path) or path convertible to it", ["either", ["list", "path"], "path"]),
        ("integer between -20 and 19 (both inclusive)", ["between", -20, 19]),
        (
            "list of string matching the pattern [a-z]+[.](service|timer)",
            ["list", ["matching", "[a-z]+[.](service|timer)"]],
        ),
        ("non-empty (list of string)", ["nonEmptyList", "str"]),
        ("16 bit unsigned integer; between 0 and 65535 (both inclusive)", "port"),
        ("unsigned integer, meaning >=0", "unsigned"),
    ],
)
def test_a_type_is_read_out_of_its_description(description: str, expected: Type) -> None:
    assert parse(description) == expected


@pytest.mark.parametrize("description", ["HOCON value", "string or HOCON value", "(string", "string string"])
def test_a_description_of_a_foreign_type_is_not_guessed_at(description: str) -> None:
    with pytest.raises(UnknownTypeError):
        parse(description)


def test_the_options_that_accept_anything_do_not_grow_in_number() -> None:
    foreign = unparsed()
    assert len(foreign) <= UNPARSED_AT_MOST, "\n".join(f"{name}: {kind}" for name, kind in foreign.items())


def test_removed_options_are_gone_and_new_ones_there() -> None:
    names = table().keys()
    assert {"systemd.settings.Manager", "services.k3s.nodeName"} <= names
    assert not names & {
        "systemd.watchdog.runtimeTime",
        "services.openssh.banner",
        "boot.zfs.allowHibernation",
    }


def test_options_that_are_newer_than_the_pinned_release_are_unknown() -> None:
    assert "boot.loader.systemd-boot.bootCounting.enable" not in table()
