"""A secret is nowhere but where it belongs: not in a file, an argument, an environment, a message or a traceback."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.canary import CANARY, Watcher, files_with, pattern
from tests.modules.sources import ROOT
from tests.secret_keys import make_key, needs_sops, opened, path_with_sops
from tests.secret_lab import LAB, Lab

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_sops

OWN = LAB | {"secrets": {"backup": {"machines": ["dl1"]}}}

# Around the real sops: what lies there while it runs is kept, as a copy of all that pyhomelab could have written.
_SOPS = """\
#!/bin/sh
here={record}/$$
mkdir "$here"
sleep 0.1
{real} "$@"
code=$?
cp -r {temporary} {lab} "$here"
{after}
exit $code
"""


@dataclass
class Owner:
    """Somebody whose home, temporary files and lab are in one place, where all is searched."""

    lab: Lab
    place: Path

    def has_sops(self, after: str = "", real: str = "") -> None:
        """Put a program around sops on PATH, which does `after` while the value is known to all who hold it."""
        real = real or str(shutil.which("sops", path=path_with_sops()))
        script = self.place / "bin/sops"
        script.parent.mkdir(exist_ok=True)
        script.write_text(
            _SOPS.format(
                record=self.place / "record",
                real=real,
                temporary=self.place / "temporary",
                lab=self.lab.directory,
                after=after,
            )
        )
        script.chmod(0o755)

    def runs(self, *arguments: str, stdin: str = "", program: tuple[str, ...] = ("-m", "pyhomelab")) -> tuple[int, str]:
        """Run the program as a process of its own; gives its exit code and what it said."""
        done = subprocess.run(
            [sys.executable, *program, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            cwd=self.lab.directory,
            env={
                "PATH": f"{self.place}/bin:{path_with_sops()}",
                "HOME": f"{self.place}/home",
                "TMPDIR": f"{self.place}/temporary",
                "PYTHONPATH": str(ROOT),
                "PYTHONFAULTHANDLER": "1",
                "SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(self.lab.admin),
            },
            timeout=120,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def owner(tmp_path: Path) -> Owner:
    for name in ("home", "temporary", "record"):
        (tmp_path / name).mkdir()
    lab = Lab(tmp_path / "lab")
    lab.install()
    lab.write(OWN)
    made = Owner(lab, tmp_path)
    made.has_sops()
    return made


def test_in_daily_use_it_is_nowhere_but_in_what_get_prints(owner: Owner) -> None:
    watcher = Watcher()
    with watcher.watching():
        said = [owner.runs("secret", "set", "backup", stdin=f"{CANARY}\n")]
        owner.lab.write(OWN, make_key(owner.lab.keys / "noa"))
        said += [owner.runs(*words.split()) for words in ("check", "check --json", "gen", "gen --diff", "secret list")]
        said += [owner.runs("secret", *words.split()) for words in ("list --json", "generate", "rekey", "rekey --json")]
        got = owner.runs("secret", "get", "backup")
        said += [owner.runs("secret", "rm", "--force", "backup")]

    assert got == (0, CANARY)
    assert [code for code, _ in said] == [0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    assert "backup: noa added" in said[8][1]
    assert not [text for _, text in said if pattern().search(text.encode())]
    assert files_with([owner.place]) == []
    assert watcher.found == set()
    assert "sops" in watcher.programs
    assert len(list((owner.place / "record").iterdir())) >= 8


@pytest.mark.parametrize(
    "after",
    [
        "echo broken >&2; exit 1",
        "exit 128",
        "exit 51",
        "kill -SEGV $PPID; sleep 1",
        "kill -INT $PPID; sleep 1",
        "kill -TERM $PPID; sleep 1",
        "kill -ABRT $PPID; sleep 1",
    ],
)
@pytest.mark.parametrize("words", ["secret set backup", "secret get backup", "secret rekey"])
def test_when_sops_fails_or_pyhomelab_is_struck_down_it_is_in_no_message_and_no_file(
    owner: Owner, words: str, after: str
) -> None:
    assert owner.runs("secret", "set", "backup", stdin=CANARY)[0] == 0
    owner.lab.write(OWN, make_key(owner.lab.keys / "noa"))
    owner.has_sops(after)
    watcher = Watcher()

    with watcher.watching():
        code, said = owner.runs(*words.split(), stdin=CANARY)

    assert code != 0
    assert not pattern().search(said.encode())
    if "SEGV" in after or "ABRT" in after:
        assert code in {-signal.SIGSEGV, -signal.SIGABRT}
        assert "most recent call first" in said  # where it was, but not with what
    assert files_with([owner.place]) == []
    assert watcher.found == set()
    assert opened(owner.lab.secrets / "backup.yaml", admin=owner.lab.admin) == CANARY


_UNFORESEEN = """
import pyhomelab.secrets.sops, pyhomelab.secrets.custody, pyhomelab.cli.secret_values as values
from pyhomelab.__main__ import main
def breaks(*arguments, **keywords):
    raise RuntimeError("unforeseen")
pyhomelab.secrets.sops.recipients_of = breaks
values.sys.stdout.isatty = breaks
main()
"""


@pytest.mark.parametrize("words", ["secret set backup", "secret get backup"])
def test_a_traceback_of_what_nobody_foresaw_does_not_show_it(owner: Owner, words: str) -> None:
    assert owner.runs("secret", "set", "backup", stdin=CANARY)[0] == 0

    code, said = owner.runs(*words.split(), stdin=CANARY, program=("-c", _UNFORESEEN))

    assert code == 1
    assert said.startswith("Traceback (most recent call last):")
    assert "RuntimeError: unforeseen" in said
    assert not pattern().search(said.encode())
    assert files_with([owner.place]) == []


@pytest.mark.parametrize(
    "words",
    ["secret set drbd-vmstore", "secret set ssh-host-dl3", "secret set --force ssh-host-dl3", "secret set other"],
)
def test_a_value_that_is_refused_is_not_shown(owner: Owner, words: str) -> None:
    code, said = owner.runs(*words.split(), stdin=f"{CANARY} {CANARY}\n{CANARY}\n")

    assert code == 3
    assert not pattern().search(said.encode())
    assert files_with([owner.place]) == []


def test_a_search_for_a_secret_that_was_left_somewhere_finds_it(tmp_path: Path) -> None:
    (tmp_path / "log").write_text(f"joined with {CANARY}\n")
    (tmp_path / "encoded").write_text(base64.b64encode(f"token: {CANARY}\n".encode()).decode())
    (tmp_path / "hex").write_text(CANARY.encode().hex())
    (tmp_path / f"{CANARY}.yaml").touch()
    (tmp_path / "link").symlink_to(CANARY)
    (tmp_path / "innocent").write_text("canary")
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        database.execute("create table said (line text)")
        database.execute("insert into said values (?)", [f"exit 1: {CANARY}"])
    database.close()

    found = {file.name for file in files_with([tmp_path])}

    assert found == {"log", "encoded", "hex", f"{CANARY}.yaml", "link", "journal.sqlite"}


@pytest.mark.parametrize("place", ["argument", "environment"])
def test_a_watcher_sees_a_secret_that_a_program_was_given_where_others_can_read_it(place: str) -> None:
    watcher = Watcher()
    argv = ["sh", "-c", "sleep 1; exit 0", CANARY if place == "argument" else "nothing"]
    environment = {"PATH": os.environ["PATH"]} | ({"TOKEN": CANARY} if place == "environment" else {})

    with watcher.watching():
        subprocess.run(argv, env=environment, check=True)

    assert len(watcher.found) >= 1
