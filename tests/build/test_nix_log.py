"""A Nix that tells its work as JSON: the same words as without, and how far it is."""

from __future__ import annotations

import json
import re
from itertools import count
from pathlib import Path

import pytest

from pyhomelab.nix.log import NixLog
from pyhomelab.nix.running import Counts
from pyhomelab.telling.events import Advanced, Event
from pyhomelab.text.said import why_not_built, why_not_evaluated

RECORDED = Path(__file__).parent / "recorded"
MSG = '@nix {"action":"msg","level":0,"msg":"%s"}'


def lines(name: str) -> list[str]:
    return (RECORDED / "internal-json-2.34.8" / f"{name}.jsonl").read_text().splitlines()


def heard(*lines: str) -> tuple[NixLog, list[str], list[Advanced]]:
    """What a log makes of these lines: itself, the progress in words, and every count that it had."""
    log, words, counts = NixLog("dl1", "fetching"), list[str](), list[Advanced]()
    for line in lines:
        words += log.hear(line)
        counts += [count for count in log.advanced() if count not in counts]
    return log, words, counts


def without_hashes(text: str) -> str:
    return re.sub(r"\b[0-9a-z]{32}-", "", text)


@pytest.mark.parametrize("name", ["failure", "daemon"])
def test_the_words_of_a_failed_build_are_those_of_a_nix_without_json_with_the_log_of_what_failed(name: str) -> None:
    log, words, _ = heard(*lines(name))
    said_without = (RECORDED / "build-2.34.8.txt").read_text()
    assert without_hashes(why_not_built(log.text)) == without_hashes(why_not_built(said_without))
    assert "> undefined reference" in log.text
    assert words == ["building kernel"]


def test_the_log_of_a_build_is_not_added_where_a_daemon_has_put_it_into_the_error() -> None:
    error = r"error: Cannot build '/nix/store/x-kernel.drv'.\n       Last 1 log lines:\n       > broken"
    start = '@nix {"action":"start","fields":["/nix/store/x-kernel.drv"],"id":1,"level":3,"text":"","type":105}'
    told = '@nix {"action":"result","fields":["broken"],"id":1,"type":101}'
    assert heard(start, told, MSG % error)[0].text.count("> broken") == 1
    assert heard(start, told, MSG % error.partition(r"\n")[0])[0].text.count("> broken") == 1


def test_of_a_long_log_the_last_25_lines_are_kept() -> None:
    start = '@nix {"action":"start","fields":["/nix/store/x-kernel.drv"],"id":1,"level":3,"text":"","type":105}'
    told = [f'@nix {{"action":"result","fields":["line {number}"],"id":1,"type":101}}' for number in range(40)]
    log, _, _ = heard(start, *told, MSG % "error: Cannot build '/nix/store/x-kernel.drv'.")
    assert log.text.splitlines() == [
        "error: Cannot build '/nix/store/x-kernel.drv'.",
        "       Last 25 log lines:",
        *(f"       > line {number}" for number in range(15, 40)),
        "       For full logs, run:",
        "         nix log /nix/store/x-kernel.drv",
    ]


def test_what_is_built_is_told_in_words_and_counted() -> None:
    log, words, counts = heard(*lines("build"))
    assert words == ["building etc", "building nixos-system-dl1"]
    assert [(count.doing, count.done, count.unit) for count in counts if count.expected == 2] == [
        ("building", 0, "builds"),
        ("building", 1, "builds"),
    ]
    assert counts[-1] == Advanced("dl1", "building", 2, 3, "builds")  # what ended last still counts as expected
    assert "linking" not in log.text


def test_the_paths_that_are_fetched_are_told_in_words_and_counted_in_bytes() -> None:
    _, words, counts = heard(*lines("fetch"))
    assert words == ["fetching etc", "fetching nixos-system-dl1"]
    fetched = [count for count in counts if count.doing == "fetching"]
    assert fetched[-1] == Advanced("dl1", "fetching", 1000624, 1000624, "bytes")
    assert [count.done for count in fetched] == sorted(count.done for count in fetched)
    assert all(count.done <= count.expected for count in counts)


def test_the_paths_that_are_copied_are_counted_in_bytes() -> None:
    log, words, counts = heard(*lines("copy"))
    assert (log.text.splitlines()[0], words) == ("copying 2 paths...", [])
    assert counts[0] == Advanced("dl1", "fetching", 0, 1000624, "bytes")
    assert counts[-1] == Advanced("dl1", "fetching", 1000624, 1000624, "bytes")
    assert len(counts) > 10


def test_a_copy_that_is_refused_says_why() -> None:
    log, _, _ = heard(*lines("refused"))
    path = "/nix/store/8l7wmaq8rnz1lbsapy2fp8dlbj6p4dkl-etc"
    error = f"error: cannot add path '{path}' because it lacks a signature by a trusted key"
    assert why_not_evaluated(log.text) == f"copying 2 paths...\n{error}"


@pytest.mark.parametrize(
    "line",
    [
        "Connection closed by 10.0.0.1 port 22",
        "@nix is what a program said",
        "@nix {",
        '@nix {"action":',
        "@nix 7",
        "@nix []",
        "@nix " + "[" * 100_000,
    ],
)
def test_what_is_no_json_of_nix_is_kept_as_it_is(line: str) -> None:
    log, words, counts = heard(line)
    assert (log.text, words, counts) == (line, [], [])


@pytest.mark.parametrize(
    "told",
    [
        {"action": "later"},
        {"action": "start", "id": 1, "type": 105, "text": "", "fields": [7]},
        {"action": "start", "id": 1, "type": 999, "text": "resting", "level": "high"},
        {"action": "result", "id": 1, "type": 105, "fields": ["a", "b"]},
        {"action": "result", "id": 1, "type": 105, "fields": [1, 2, 0, 0]},
        {"action": "result", "id": 1, "type": 101, "fields": ["of no build"]},
        {"action": "result", "id": 1, "type": 106, "fields": [101, 5]},
        {"action": "result", "id": 1, "type": 106, "fields": []},
    ],
)
def test_what_a_later_nix_may_say_is_passed_over(told: dict[str, object]) -> None:
    log, words, counts = heard(f"@nix {json.dumps(told)}")
    assert (log.text, words, counts) == ("", [], [])


def test_of_thousands_of_counts_some_are_told_and_none_twice() -> None:
    told: list[Event] = []
    seconds = count()
    log = NixLog("dl1", "copying")
    counts = Counts(log, told.append, clock=lambda: next(seconds) / 40)
    for line in lines("copy"):
        log.hear(line)
        counts.tell_at_times()
    assert 2 < len(told) < 10
    counts.tell_new()
    counts.tell_new()
    assert told[-1] == Advanced("dl1", "copying", 1000624, 1000624, "bytes")
    assert len(set(told)) == len(told)
