"""What was done to which machine, when, and how it ended: a file that a killed program leaves readable."""

from __future__ import annotations

import json
import secrets
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import RLock
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Literal, Self

from pyhomelab.errors import HomelabError, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Kind = Literal["deploy", "rollback", "install"]
DEPLOYED = "deployed"
"""The outcome of a stage that leaves a machine with its goal, running and as what it will boot."""

_VERSION = 2
_APPLICATION = 0x70686C6A  # "phlj", by which the file is known as a journal
_PATIENCE = 10.0  # seconds in which another pyhomelab ends a write, which takes it milliseconds
_PAUSE = 0.02
_OPTIONS = "ALTER TABLE runs ADD COLUMN options TEXT NOT NULL DEFAULT '{}'"
_SCHEMA = (
    """CREATE TABLE runs (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        by TEXT NOT NULL,
        began TEXT NOT NULL,
        ended TEXT
    ) STRICT""",
    """CREATE TABLE goals (
        run TEXT NOT NULL REFERENCES runs (id),
        host TEXT NOT NULL,
        goal TEXT,
        PRIMARY KEY (run, host)
    ) STRICT""",
    """CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        run TEXT NOT NULL,
        host TEXT NOT NULL,
        stage TEXT NOT NULL,
        began TEXT NOT NULL,
        ended TEXT,
        outcome TEXT,
        details TEXT,
        FOREIGN KEY (run, host) REFERENCES goals (run, host)
    ) STRICT""",
    "CREATE INDEX entries_of_runs ON entries (run)",
    "CREATE INDEX entries_of_hosts ON entries (host, outcome)",
    _OPTIONS,
    f"PRAGMA application_id = {_APPLICATION}",
    f"PRAGMA user_version = {_VERSION}",
)
_END_RUN = "UPDATE runs SET ended = ? WHERE id = ? AND ended IS NULL"
_TO_LATEST = (_SCHEMA, (_OPTIONS, f"PRAGMA user_version = {_VERSION}"), ())
"""What makes a journal of each version, from none at all, one of the latest."""


@dataclass(frozen=True, slots=True)
class Run:
    """A command that changes machines: whose it was, and the system that each machine should get.

    `options` are what it was told beside that, for whoever continues it.
    """

    id: str
    kind: str
    by: str
    began: datetime
    ended: datetime | None
    goals: Mapping[str, str]
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A stage of a machine. One without an end was cut short: whatever it did may have been done or not."""

    id: int
    host: str
    stage: str
    began: datetime
    ended: datetime | None
    outcome: str | None
    details: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Deployment:
    """A system that a machine was given."""

    run: str
    kind: str
    by: str
    goal: str
    at: datetime


class Journal:
    """The journal of a lab, which may be read while it is written, and by several threads."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path, self._connection, self._lock = path, connection, RLock()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open a journal, making it if there is none.

        Raises Refused if the file is none, or one that a newer pyhomelab wrote.
        """
        with _said(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)  # what confirms a trial is in it
            connection = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
            journal = cls(path, connection)
            try:
                journal._prepare()
            except BaseException:
                connection.close()
                raise
        return journal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def start_run(
        self,
        kind: Kind,
        by: str,
        goals: Mapping[str, str],
        options: Mapping[str, str] | None = None,
        *,
        instead_of: str | None = None,
    ) -> str:
        """Begin a run for the machines of `goals`, and give its id, which no other run of any lab has.

        A run that it continues, `instead_of` which it is, ends in the same moment.
        """
        now = _now()
        run = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        with self._writing() as write:
            if instead_of is not None:
                write.execute(_END_RUN, (_written(now), instead_of))
            write.execute(
                "INSERT INTO runs (id, kind, by, began, options) VALUES (?, ?, ?, ?, ?)",
                (run, kind, by, _written(now), _json(options)),
            )
            write.executemany(
                "INSERT INTO goals (run, host, goal) VALUES (?, ?, ?)", [(run, *goal) for goal in goals.items()]
            )
        return run

    def end_run(self, run: str) -> None:
        """Say that a run came to its end, whatever became of its machines: there is nothing to resume."""
        with self._writing() as write:
            write.execute(_END_RUN, (_written(_now()), run))

    def begin(self, run: str, host: str, stage: str, details: Mapping[str, str] | None = None) -> int:
        """Say that a stage of a machine begins; when this returns, it is on the disk.

        The details are for whoever finds the stage without an end; its end has its own.
        """
        with self._writing() as write:
            done = write.execute(
                "INSERT INTO entries (run, host, stage, began, details) VALUES (?, ?, ?, ?, ?)",
                (run, host, stage, _written(_now()), _json(details)),
            )
            return done.lastrowid or 0

    def end(self, entry: int, outcome: str, details: Mapping[str, str] | None = None) -> None:
        """Say how a stage ended. It ends once: what is said of it later changes nothing."""
        with self._writing() as write:
            write.execute(
                "UPDATE entries SET ended = ?, outcome = ?, details = ? WHERE id = ? AND ended IS NULL",
                (_written(_now()), outcome, _json(details), entry),
            )

    def entries(self, run: str) -> list[Entry]:
        """Give the stages of a run in the order in which they began."""
        rows = self._read(
            "SELECT id, host, stage, began, ended, outcome, details FROM entries WHERE run = ? ORDER BY id", run
        )
        return [
            Entry(number, host, stage, _time(began), _maybe(ended), outcome, json.loads(details or "{}"))
            for number, host, stage, began, ended, outcome, details in rows
        ]

    def last_run(self) -> Run | None:
        """Give the run that began last."""
        return self._run("SELECT id, kind, by, began, ended, options FROM runs ORDER BY number DESC LIMIT 1")

    def unfinished_run(self) -> Run | None:
        """Give the last deploy or rollback if it never came to its end; an older one is of the past."""
        run = self._run(
            "SELECT id, kind, by, began, ended, options FROM runs WHERE kind != 'install' ORDER BY number DESC LIMIT 1"
        )
        return run if run is not None and run.ended is None else None

    def unfinished_install(self, host: str) -> Run | None:
        """Give the last installation of a machine if it never came to its end."""
        run = self._run(
            "SELECT id, kind, by, began, ended, options FROM runs JOIN goals ON run = id"
            " WHERE kind = 'install' AND host = ? ORDER BY number DESC LIMIT 1",
            host,
        )
        return run if run is not None and run.ended is None else None

    def _run(self, query: str, *values: str) -> Run | None:
        for run, kind, by, began, ended, options in self._read(query, *values):
            goals = dict(self._read("SELECT host, goal FROM goals WHERE run = ? ORDER BY host", run))
            return Run(run, kind, by, _time(began), _maybe(ended), goals, json.loads(options))
        return None

    def last_deployment(self, host: str) -> Deployment | None:
        """Give the system that a machine was last given, by a deploy or a rollback."""
        for run, kind, by, goal, ended in self._read(
            "SELECT runs.id, kind, by, goal, entries.ended"
            " FROM entries JOIN goals USING (run, host) JOIN runs ON runs.id = run"
            " WHERE host = ? AND outcome = ? AND goal IS NOT NULL AND NOT EXISTS"
            # a system that was tried and then did not boot
            " (SELECT 1 FROM entries AS later WHERE later.run = entries.run AND later.host = entries.host"
            " AND later.id > entries.id AND later.stage = 'reboot' AND later.outcome = 'rolled back')"
            " ORDER BY entries.id DESC LIMIT 1",
            host,
            DEPLOYED,
        ):
            return Deployment(run, kind, by, goal, _time(ended))
        return None

    def _prepare(self) -> None:
        connection = self._connection
        # Written through to the disk before a stage begins: after a power cut, too, the journal knows of it.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        with self._transaction("DEFERRED"):
            is_as_it_should = self._version() == _VERSION
        if not is_as_it_should:
            with self._writing() as write:
                # asked again: another may have made it, or brought it up to date, in the meantime
                for statement in _TO_LATEST[self._version()]:
                    write.execute(statement)
        self._let_readers_in()

    def _let_readers_in(self) -> None:
        """Keep new pages in a file of their own: readers then wait for nobody, and no writer for them."""
        deadline = monotonic() + _PATIENCE
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                # The one statement for which SQLite itself does not wait, when two open a new journal at once.
                if monotonic() > deadline:
                    raise
                sleep(_PAUSE)
            else:
                return

    def _version(self) -> int:
        """Give the version of the journal, 0 if the file is empty; raises Refused if it is something else."""
        where = str(self._path)
        application, version, tables = (
            self._connection.execute(query).fetchone()[0]
            for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema")
        )
        if application != _APPLICATION and (application or tables):
            raise Refused("is a database, but no journal of pyhomelab", where=where, hint="move it away")
        if version > _VERSION:
            what = (
                f"was written by a newer pyhomelab (version {version} of the journal, known here are up to {_VERSION})"
            )
            raise Refused(what, where=where, hint="use that one")
        return int(version) if application == _APPLICATION else 0

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Write all that the block says, or nothing of it."""
        with self._lock, _said(self._path), self._transaction("IMMEDIATE"):
            yield self._connection

    @contextmanager
    def _transaction(self, kind: Literal["DEFERRED", "IMMEDIATE"]) -> Iterator[None]:
        self._connection.execute(f"BEGIN {kind}")
        try:
            yield
            self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _read(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with self._lock, _said(self._path):
            return self._connection.execute(query, values).fetchall()


@contextmanager
def _said(path: Path) -> Iterator[None]:
    """Say what SQLite and the file system complain about; a broken promise of our own remains what it is."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except (sqlite3.Error, OSError) as error:
        is_damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
        hint = "move it away: a new one is begun, which knows nothing of earlier runs" if is_damaged else ""
        raise HomelabError(f"the journal cannot be used: {error}", where=str(path), hint=hint) from error


def _json(details: Mapping[str, str] | None) -> str:
    return json.dumps(dict(details or {}), sort_keys=True)


def _now() -> datetime:
    return datetime.now(UTC)


def _written(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _maybe(text: str | None) -> datetime | None:
    return None if text is None else _time(text)
