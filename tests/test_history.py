"""What commands that only read know from the journal of a lab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.cli.history import last_deployments
from pyhomelab.cli.rolling import journal_file
from pyhomelab.deployment.journal import DEPLOYED, Journal
from pyhomelab.premises import Premises

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def a_lab(directory: Path) -> Premises:
    (directory / "hosts").mkdir()
    return Premises(directory / "hosts")


def test_where_there_is_no_journal_nothing_is_known_and_none_is_made(tmp_path: Path) -> None:
    premises = a_lab(tmp_path)
    assert last_deployments(premises, ["dl1"]) == {}
    assert not premises.own.exists()


def test_of_each_machine_the_system_that_it_was_given_last_is_known(tmp_path: Path) -> None:
    premises = a_lab(tmp_path)
    with Journal.open(journal_file(premises)) as journal:
        for goal, outcome in (("/nix/store/a", DEPLOYED), ("/nix/store/b", "rolled back")):
            run = journal.start_run("deploy", "mika", {"dl1": goal, "dl2": goal})
            journal.end(journal.begin(run, "dl1", "activate"), outcome)
            journal.end_run(run)
    found = last_deployments(premises, ["dl1", "dl2", "dl3"])
    assert {host: (last.goal, last.by) for host, last in found.items()} == {"dl1": ("/nix/store/a", "mika")}


def test_a_journal_that_is_damaged_is_said_and_hides_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    premises = a_lab(tmp_path)
    premises.own.mkdir()
    journal_file(premises).write_text("this is no journal, whatever it is called " * 99)
    assert last_deployments(premises, ["dl1"]) == {}
    assert capsys.readouterr().err == (
        f"{journal_file(premises)}: the journal cannot be used: file is not a database;"
        " move it away: a new one is begun, which knows nothing of earlier runs\n"
    )
