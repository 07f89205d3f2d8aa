from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyhomelab.errors import Refused, UnreadableInventory
from pyhomelab.inventory.edits import with_value, without
from pyhomelab.text.source import parse

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

LAB = """\
# what the lab is
hosts:
  dl1:    {cpu_threads: 16,  memory: 36GiB}   # the loud one
  dl2:
    cpu_threads: 8   # as lscpu says
    tags: [rack, old]
    zfs:
      tank:
        disks:
          # bay 1
          - /dev/disk/by-id/ata-ONE
          - /dev/disk/by-id/ata-TWO

  # in the cellar
  dl3:
    memory: 24GiB
    # a remark on nothing in particular

guests:
  # vm1: {on: dl1}
volumes:
  # two copies
  vmstore: {replicas: [dl1, dl2]}
"""


def changed(old: str, new: str) -> tuple[list[str], list[str]]:
    """The lines that are gone, and those that are new; all others stand in the same order."""
    before, after = old.splitlines(), new.splitlines()
    same = 0
    while same < min(len(before), len(after)) and before[same] == after[same]:
        same += 1
    before, after = before[same:], after[same:]
    while before and after and before[-1] == after[-1]:
        before.pop()
        after.pop()
    return before, after


@pytest.mark.parametrize(
    ("path", "value", "gone", "new"),
    [
        (("hosts", "dl1", "memory"), "40GiB", ["  dl1:    {cpu_threads: 16,  memory: 36GiB}   # the loud one"], ["  dl1:    {cpu_threads: 16,  memory: 40GiB}   # the loud one"]),
        (("hosts", "dl2", "cpu_threads"), 12, ["    cpu_threads: 8   # as lscpu says"], ["    cpu_threads: 12   # as lscpu says"]),
        (("hosts", "dl2", "tags", 2), "dusty", ["    tags: [rack, old]"], ["    tags: [rack, old, dusty]"]),
        (("hosts", "dl2", "tags", 0), "a, b: #c", ["    tags: [rack, old]"], ['    tags: ["a, b: #c", old]']),
        (("hosts", "dl1", "kvm"), {"cpu": "amd"}, ["  dl1:    {cpu_threads: 16,  memory: 36GiB}   # the loud one"], ["  dl1:    {cpu_threads: 16,  memory: 36GiB, kvm: {cpu: amd}}   # the loud one"]),
        (("hosts", "dl2", "zfs", "tank", "disks", 2), "/dev/disk/by-id/ata-THREE", [], ["          - /dev/disk/by-id/ata-THREE"]),
        (("hosts", "dl2", "zfs", "tank", "layout"), "mirror", [], ["        layout: mirror"]),
        (("hosts", "dl3", "boot", "firmware"), "uefi", [], ["    boot: {firmware: uefi}"]),
        (("guests", "vm1"), {"on": "dl1", "cpus": 2}, [], ["  vm1: {on: dl1, cpus: 2}"]),
        (("clusters",), {"home": {"servers": ["dl1"]}}, [], ["clusters:", "  home:", "    servers: [dl1]"]),
        (("hosts", "dl3", "memory"), None, ["    memory: 24GiB"], ["    memory: null"]),
    ],
)  # fmt: skip
def test_a_value_is_put_where_it_belongs_and_nothing_else_changes(
    path: tuple[str | int, ...], value: object, gone: list[str], new: list[str]
) -> None:
    assert changed(LAB, with_value(LAB, path, value)) == (gone, new)


def test_a_new_host_stands_apart_where_the_others_do() -> None:
    host = {
        "memory": "8GiB",
        "boot": {"firmware": "uefi"},
        "links": {"eno1": {"address": "10.0.0.4"}},
        "disks": ["x" * 40, "y" * 60],
    }

    text = with_value(LAB, ("hosts", "dl4"), host)

    assert (
        f"""\
  dl3:
    memory: 24GiB

  dl4:
    memory: 8GiB
    boot: {{firmware: uefi}}
    links:
      eno1: {{address: 10.0.0.4}}
    disks:
      - {"x" * 40}
      - {"y" * 60}
"""
        in text
    )


@pytest.mark.parametrize(
    ("path", "gone", "new"),
    [
        (("hosts", "dl1"), ["  dl1:    {cpu_threads: 16,  memory: 36GiB}   # the loud one"], []),
        (("hosts", "dl2", "tags", 0), ["    tags: [rack, old]"], ["    tags: [old]"]),
        (("hosts", "dl2", "tags", 1), ["    tags: [rack, old]"], ["    tags: [rack]"]),
        (("hosts", "dl2", "zfs", "tank", "disks", 0), ["          # bay 1", "          - /dev/disk/by-id/ata-ONE"], []),
        (("hosts", "dl1", "cpu_threads"), ["  dl1:    {cpu_threads: 16,  memory: 36GiB}   # the loud one"], ["  dl1:    {memory: 36GiB}   # the loud one"]),
        (("volumes", "vmstore"), ["volumes:", "  # two copies", "  vmstore: {replicas: [dl1, dl2]}"], ["volumes: {}"]),
        (("volumes", "vmstore", "replicas"), ["  vmstore: {replicas: [dl1, dl2]}"], ["  vmstore: {}"]),
        (("guests",), ["guests:"], []),
    ],
)  # fmt: skip
def test_an_entry_is_taken_out_with_the_remarks_above_it(
    path: tuple[str | int, ...], gone: list[str], new: list[str]
) -> None:
    assert changed(LAB, without(LAB, path)) == (gone, new)


def test_of_two_blank_lines_around_what_was_taken_out_one_stays() -> None:
    text = without(LAB, ("hosts", "dl3"))

    assert "ata-TWO\n\n    # a remark" in text.replace("  # in the cellar\n", "")
    assert "\n\n\n" not in text


def test_what_is_not_there_cannot_be_taken_out() -> None:
    for path in (("hosts", "dl9"), ("hosts", "dl2", "tags", 7), ("hosts", "dl2", "cpu_threads", "x")):
        with pytest.raises(KeyError):
            without(LAB, path)


def test_a_text_that_is_no_inventory_is_not_changed() -> None:
    with pytest.raises(UnreadableInventory):
        with_value("hosts: &all {}\n", ("lab",), "x")


def test_a_layout_that_was_not_foreseen_is_refused() -> None:
    with pytest.raises(Refused, match="cannot be changed without touching more; change it by hand"):
        with_value("? hosts # really: yes\n: {dl1: {}}\n", ("hosts",), {"a": {"b": "c"}})


WORDS = st.sampled_from(
    [
        "one",
        "two",
        "10",
        "a: b",
        "52:54:00:12:34:56",
        "usb-0:0",
        "# no",
        "tru",
        "yes",
        "-",
        "it's",
        '"',
        "x,y",
        "[",
        "{}",
        "null",
        " padded ",
    ]
)
NAMES = st.sampled_from(["a", "b", "c", "d-e", "f"])
DATA = st.recursive(
    WORDS, lambda part: st.lists(part, max_size=3) | st.dictionaries(NAMES, part, max_size=3), max_leaves=12
)
MAPPINGS = st.dictionaries(NAMES, DATA, min_size=1, max_size=4)


def paths_of(data: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [path] if path else []
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for part, value in parts:
        found += paths_of(value, (*path, part))
    return found


def built(data: dict[str, Any]) -> str:
    text = ""
    for name, value in data.items():
        text = with_value(text, (name,), value)
    return text


def any_path(data: dict[str, Any]) -> SearchStrategy[tuple[str | int, ...]]:
    return st.sampled_from(paths_of(data))


@settings(deadline=None, max_examples=60)
@given(MAPPINGS)
def test_any_data_is_written_so_that_it_is_read_back(data: dict[str, Any]) -> None:
    assert parse(built(data), "").root.plain() == data


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_part_of_any_text_can_be_exchanged_and_taken_out(draw: st.DataObject) -> None:
    data = draw.draw(MAPPINGS)
    text = f"# a remark\n\n{built(data)}# the end\n"
    path = draw.draw(any_path(data))

    for new in (with_value(text, path, draw.draw(DATA)), without(text, path)):  # both read their result again
        assert new.startswith("# a remark\n\n")
        assert new.endswith("# the end\n")
