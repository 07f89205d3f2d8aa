from __future__ import annotations

import random
import re
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import chain
from threading import Barrier
from time import sleep
from typing import TYPE_CHECKING

import pytest

from pyhomelab.deployment.journal import DEPLOYED, Journal
from pyhomelab.errors import HomelabError, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLD, NEW = "/nix/store/1-dl1-old", "/nix/store/2-dl1-new"

WRITER = """
import sys
from pathlib import Path
from time import sleep
from pyhomelab.deployment.journal import Journal

with Journal.open(Path(sys.argv[1])) as journal:
    while True:
        run = journal.start_run("deploy", "mika@desk", {"dl1": "/nix/store/1-dl1", "dl2": "/nix/store/2-dl2"})
        for stage in ("push", "activate", "commit"):
            entry = journal.begin(run, "dl1", stage)
            print("began", run, entry, flush=True)
            journal.end(entry, "done", {"said": "x" * 5000})
            print("ended", run, entry, flush=True)
            sleep(float(sys.argv[2]))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".pyhomelab" / "journal.sqlite"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with Journal.open(path) as opened:
        yield opened


def deployed(journal: Journal, host: str, goal: str) -> str:
    run = journal.start_run("deploy", "mika@desk", {host: goal})
    journal.end(journal.begin(run, host, "commit"), DEPLOYED)
    journal.end_run(run)
    return run


def test_a_new_journal_knows_of_nothing(journal: Journal) -> None:
    assert journal.last_run() is None
    assert journal.unfinished_run() is None
    assert journal.last_deployment("dl1") is None
    assert journal.entries("20260101T000000Z-00000000") == []


def test_a_run_tells_whose_it_was_and_what_each_machine_should_get(journal: Journal) -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    run = journal.start_run("deploy", "mika@desk", {"dl2": OLD, "dl1": NEW})
    last = journal.last_run()
    assert last is not None
    assert (last.id, last.kind, last.by, last.ended) == (run, "deploy", "mika@desk", None)
    assert last.goals == {"dl1": NEW, "dl2": OLD}
    assert before <= last.began <= datetime.now(UTC)


def test_a_run_tells_what_it_was_told(journal: Journal) -> None:
    journal.start_run("deploy", "mika@desk", {"dl1": NEW}, {"max_parallel": "2"})
    last = journal.last_run()
    assert last is not None
    assert last.options == {"max_parallel": "2"}


def test_a_run_that_continues_another_ends_it(journal: Journal) -> None:
    first = journal.start_run("deploy", "mika@desk", {"dl1": NEW})
    second = journal.start_run("deploy", "mika@desk", {"dl1": NEW}, instead_of=first)
    unfinished = journal.unfinished_run()
    assert unfinished is not None
    assert unfinished.id == second
    journal.end_run(second)
    assert journal.unfinished_run() is None


def test_a_stage_without_an_end_has_the_details_of_its_beginning_and_one_with_an_end_those_of_that(
    journal: Journal,
) -> None:
    run = journal.start_run("deploy", "mika@desk", {"dl1": NEW})
    entry = journal.begin(run, "dl1", "activate", {"token": "0123"})
    assert journal.entries(run)[0].details == {"token": "0123"}
    journal.end(entry, DEPLOYED)
    assert journal.entries(run)[0].details == {}


def test_nobody_else_may_read_a_journal(path: Path) -> None:
    with Journal.open(path) as journal:
        deployed(journal, "dl1", NEW)
        assert {file.name: oct(file.stat().st_mode & 0o777) for file in path.parent.iterdir()} == dict.fromkeys(
            ("journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"), "0o600"
        )


def test_a_journal_of_the_version_before_is_read_and_written(path: Path) -> None:
    with Journal.open(path) as journal:
        run = deployed(journal, "dl1", NEW)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("ALTER TABLE runs DROP COLUMN options")
        raw.execute("PRAGMA user_version = 1")
    with Journal.open(path) as journal:
        last, deployment = journal.last_run(), journal.last_deployment("dl1")
        assert last is not None
        assert deployment is not None
        assert (last.id, last.options, deployment.goal) == (run, {}, NEW)
        deployed(journal, "dl2", OLD)


def test_stages_are_told_in_the_order_in_which_they_began(journal: Journal) -> None:
    run = journal.start_run("deploy", "mika@desk", {"dl1": NEW, "dl2": NEW})
    first, second = journal.begin(run, "dl2", "push"), journal.begin(run, "dl1", "push")
    journal.end(second, "failed", {"said": "no space left on device"})
    journal.end(first, "done")
    told = [(entry.id, entry.host, entry.stage, entry.outcome, entry.details) for entry in journal.entries(run)]
    assert told == [
        (first, "dl2", "push", "done", {}),
        (second, "dl1", "push", "failed", {"said": "no space left on device"}),
    ]
    assert all(entry.ended is not None and entry.began <= entry.ended for entry in journal.entries(run))


def test_a_stage_that_was_cut_short_has_no_end(journal: Journal) -> None:
    run = journal.start_run("deploy", "mika@desk", {"dl1": NEW})
    journal.begin(run, "dl1", "activate")
    [entry] = journal.entries(run)
    assert (entry.ended, entry.outcome, entry.details) == (None, None, {})


def test_a_stage_ends_once(journal: Journal) -> None:
    run = journal.start_run("deploy", "mika@desk", {"dl1": NEW})
    entry = journal.begin(run, "dl1", "activate")
    journal.end(entry, "rolled back", {"reason": "the gateway was gone"})
    ended = journal.entries(run)
    journal.end(entry, DEPLOYED)
    assert journal.entries(run) == ended
    assert journal.last_deployment("dl1") is None


def test_a_run_ends_once(journal: Journal) -> None:
    run = journal.start_run("deploy", "mika@desk", {"dl1": NEW})
    journal.end_run(run)
    ended = journal.last_run()
    journal.end_run(run)
    assert journal.last_run() == ended


def test_a_stage_belongs_to_a_machine_of_its_run(journal: Journal) -> None:
    run = journal.start_run("deploy", "mika@desk", {"dl1": NEW})
    with pytest.raises(sqlite3.IntegrityError):
        journal.begin(run, "dl2", "push")
    assert journal.entries(run) == []


def test_a_run_that_cannot_be_written_whole_is_not_written(journal: Journal) -> None:
    bad = {"dl1": NEW, "dl2": object()}
    with pytest.raises(HomelabError):
        journal.start_run("deploy", "mika@desk", bad)  # type: ignore[arg-type]
    assert journal.last_run() is None
    assert deployed(journal, "dl1", NEW)


def test_the_last_run_is_unfinished_until_it_ends(journal: Journal) -> None:
    run = journal.start_run("deploy", "mika@desk", {"dl1": NEW})
    unfinished = journal.unfinished_run()
    assert unfinished is not None
    assert unfinished.id == run
    journal.end_run(run)
    assert journal.unfinished_run() is None


def test_a_run_that_another_followed_is_not_resumed(journal: Journal) -> None:
    journal.start_run("deploy", "mika@desk", {"dl1": NEW})
    deployed(journal, "dl2", NEW)
    assert journal.unfinished_run() is None


def test_runs_of_the_same_moment_have_ids_of_their_own_and_stay_in_order(journal: Journal) -> None:
    runs = [journal.start_run("deploy", "mika@desk", {"dl1": NEW}) for _ in range(20)]
    last = journal.last_run()
    assert len(set(runs)) == 20
    assert all(re.fullmatch(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}", run) for run in runs)
    assert last is not None
    assert last.id == runs[-1]


def test_the_last_deployment_is_the_last_that_went_well(journal: Journal) -> None:
    first = deployed(journal, "dl1", OLD)
    failed = journal.start_run("deploy", "mika@desk", {"dl1": NEW})
    journal.end(journal.begin(failed, "dl1", "activate"), "rolled back")
    deployed(journal, "dl2", NEW)
    last = journal.last_deployment("dl1")
    assert last is not None
    assert (last.run, last.kind, last.by, last.goal) == (first, "deploy", "mika@desk", OLD)
    assert last.at == journal.entries(first)[0].ended


def test_a_rollback_is_a_deployment_too(journal: Journal) -> None:
    deployed(journal, "dl1", NEW)
    run = journal.start_run("rollback", "mika@desk", {"dl1": OLD})
    journal.end(journal.begin(run, "dl1", "commit"), DEPLOYED)
    last = journal.last_deployment("dl1")
    assert last is not None
    assert (last.kind, last.goal) == ("rollback", OLD)


def test_a_journal_is_there_when_it_is_opened_again(path: Path) -> None:
    with Journal.open(path) as journal:
        run = deployed(journal, "dl1", NEW)
        entries = journal.entries(run)
    with Journal.open(path) as journal:
        assert journal.entries(run) == entries


def test_times_are_written_in_utc_and_by_iso_8601(journal: Journal, path: Path) -> None:
    deployed(journal, "dl1", NEW)
    with closing(sqlite3.connect(path)) as raw:
        times = [
            *raw.execute("SELECT began, ended FROM runs").fetchone(),
            *raw.execute("SELECT began, ended FROM entries").fetchone(),
        ]
    form = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}\+00:00"
    assert [time for time in times if not re.fullmatch(form, time)] == []


def test_a_journal_of_a_newer_pyhomelab_is_refused_and_left_as_it_is(path: Path) -> None:
    Journal.open(path).close()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA user_version = 3")
    with pytest.raises(Refused) as refusal:
        Journal.open(path)
    assert (
        str(refusal.value)
        == f"{path}: was written by a newer pyhomelab (version 3 of the journal, known here are up to 2); use that one"
    )
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (3,)


def test_a_database_of_something_else_is_refused_and_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE songs (title TEXT)")
    before = path.read_bytes()
    with pytest.raises(Refused) as refusal:
        Journal.open(path)
    assert str(refusal.value) == f"{path}: is a database, but no journal of pyhomelab; move it away"
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_said_to_be_none(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("dear diary, today I deployed the lab\n" * 100)
    with pytest.raises(HomelabError) as failure:
        Journal.open(path)
    assert (
        str(failure.value)
        == f"{path}: the journal cannot be used: file is not a database; move it away: a new one is begun, which knows nothing of earlier runs"
    )


def test_a_journal_that_cannot_be_made_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HomelabError) as failure:
        Journal.open(tmp_path / "file" / "journal.sqlite")
    assert str(failure.value).startswith(f"{tmp_path}/file/journal.sqlite: the journal cannot be used: [Errno ")


def test_a_reader_does_not_wait_for_a_writer(journal: Journal, path: Path) -> None:
    run = deployed(journal, "dl1", NEW)
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE entries SET outcome = 'half written'")
        with Journal.open(path) as reader:
            assert [entry.outcome for entry in reader.entries(run)] == [DEPLOYED]
        writer.execute("ROLLBACK")


def test_a_new_journal_is_opened_by_several_at_the_same_moment(tmp_path: Path) -> None:
    for number in range(20):
        path, ready = tmp_path / f"{number}.sqlite", Barrier(6)

        def write(path: Path = path, ready: Barrier = ready) -> str:
            ready.wait()
            with Journal.open(path) as journal:
                return deployed(journal, "dl1", NEW)

        with ThreadPoolExecutor(6) as pool:
            runs = [done.result() for done in [pool.submit(write) for _ in range(6)]]
        with Journal.open(path) as journal:
            assert all(journal.entries(run) for run in runs)


def test_threads_write_side_by_side(journal: Journal) -> None:
    hosts = [f"dl{number}" for number in range(8)]
    run = journal.start_run("deploy", "mika@desk", dict.fromkeys(hosts, NEW))

    def push(host: str) -> None:
        for _ in range(10):
            journal.end(journal.begin(run, host, "push"), "done", {"host": host})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(push, hosts))
    entries = journal.entries(run)
    assert len(entries) == 80
    assert all(entry.outcome == "done" and entry.details == {"host": entry.host} for entry in entries)


class Writer:
    """A program that writes into a journal until it is killed, and tells what it was told is written."""

    def __init__(self, journal: Path, number: int, pause: float = 0) -> None:
        self._told = journal.with_name(f"{number}.told")
        self._told.parent.mkdir(exist_ok=True)
        with self._told.open("wb") as told:
            self._process = subprocess.Popen(
                [sys.executable, "-c", WRITER, str(journal), str(pause)], stdout=told, stderr=subprocess.PIPE, text=True
            )

    def writes(self) -> None:
        """Wait until it has begun."""
        while self._told.stat().st_size == 0 and self._process.poll() is None:
            sleep(0.005)

    def killed(self) -> list[tuple[str, str, int]]:
        """Kill it, and give what it told: whether a stage began or ended, its run, and its entry."""
        assert self._process.poll() is None
        self._process.kill()
        _, complaints = self._process.communicate()
        assert complaints == ""
        lines = [line.split() for line in self._told.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [(word, run, int(entry)) for word, run, entry in lines]


def kept(path: Path, told: list[tuple[str, str, int]]) -> bool:
    """Say whether a journal has all that writers told."""
    with Journal.open(path) as journal:
        entries = {run: {entry.id: entry for entry in journal.entries(run)} for _, run, _ in told}
    ends = [entries[run][number] for word, run, number in told if word == "ended"]
    return all(number in entries[run] for _, run, number in told) and all(
        entry.outcome == "done" and len(entry.details["said"]) == 5000 for entry in ends
    )


def test_programs_that_make_the_journal_at_the_same_time_all_write_into_it(path: Path) -> None:
    writers = [Writer(path, number, pause=0.05) for number in range(4)]
    for writer in writers:
        writer.writes()
    told = [writer.killed() for writer in writers]
    assert all(told)
    assert kept(path, list(chain(*told)))


@pytest.mark.slow
def test_a_writer_killed_at_any_moment_leaves_all_that_it_was_told_is_written(path: Path) -> None:
    moments = random.Random(7)  # noqa: S311 - which moments they are is no secret
    told: list[tuple[str, str, int]] = []
    for number in range(30):
        writer = Writer(path, number)
        if number % 3:  # else it may be killed while it opens the file, or before
            writer.writes()
        sleep(moments.uniform(0, 0.25))
        told += writer.killed()
        assert kept(path, told)
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    assert len(told) > 100


def test_a_journal_whose_making_was_cut_short_is_made_anew(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as cut:
        cut.execute("BEGIN IMMEDIATE")
        cut.execute("CREATE TABLE runs (number INTEGER PRIMARY KEY) STRICT")
    with Journal.open(path) as journal:
        assert deployed(journal, "dl1", NEW)


def test_an_installation_is_resumed_by_its_machine_and_hides_no_deploy(journal: Journal) -> None:
    deploy = journal.start_run("deploy", "mika@desk", {"dl1": NEW})
    first = journal.start_run("install", "mika@desk", {"dl2": NEW}, {"address": "192.168.10.77"})
    second = journal.start_run("install", "mika@desk", {"dl3": NEW})
    found = journal.unfinished_install("dl2")
    assert found is not None
    assert (found.id, found.goals, found.options) == (first, {"dl2": NEW}, {"address": "192.168.10.77"})
    assert journal.unfinished_install("dl1") is None
    unfinished = journal.unfinished_run()
    assert unfinished is not None
    assert unfinished.id == deploy
    journal.end_run(second)
    assert journal.unfinished_install("dl3") is None


def test_only_the_last_installation_of_a_machine_can_be_resumed(journal: Journal) -> None:
    journal.start_run("install", "mika@desk", {"dl1": OLD})
    later = journal.start_run("install", "mika@desk", {"dl1": NEW})
    journal.end_run(later)
    assert journal.unfinished_install("dl1") is None


def test_a_machine_was_given_what_was_installed_on_it(journal: Journal) -> None:
    deployed(journal, "dl1", OLD)
    run = journal.start_run("install", "mika@desk", {"dl1": NEW})
    journal.end(journal.begin(run, "dl1", "erase"), "done")
    before = journal.last_deployment("dl1")
    journal.end(journal.begin(run, "dl1", "first boot"), DEPLOYED)
    after = journal.last_deployment("dl1")
    assert before is not None
    assert after is not None
    assert (before.goal, after.goal, after.kind) == (OLD, NEW, "install")
