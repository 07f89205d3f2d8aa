"""The program as a person or a script meets it: words, exit codes, what goes to which stream."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pyhomelab.cli.main import COMMANDS, main, program
from pyhomelab.errors import HomelabError

ROOT = Path(__file__).parent.parent
LAB = """\
lab:
  name: home
  state_version: "26.05"
  admins: [{name: mika, ssh_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mHkY2h6hFRiHm3Iv6VZp3v0m2eY0mYQbqk0cT1Q9c]}]
networks:
  lan: {cidr: 192.168.10.0/24}
hosts:
  dl1:
    cpu_threads: 4
    memory: 8GiB
    boot: {disk: /dev/disk/by-id/ata-SSD_1}
    links: {eno1: {network: lan, address: 192.168.10.11}}
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "hosts").mkdir()
    (tmp_path / "hosts" / "inventory.yaml").write_text(LAB)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "hosts"


def pyhomelab(*arguments: str) -> Result:
    return CliRunner().invoke(program, arguments)


def ended(*arguments: str) -> tuple[int, str, str]:
    """Run the real program: exit code, stdout, stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "pyhomelab", *arguments],
        capture_output=True, text=True, check=False, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_help_lists_every_command_in_the_words_of_the_command_itself() -> None:
    shown = pyhomelab("--help").output
    for name, words in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(words)}$", shown, re.MULTILINE), name
        assert pyhomelab(name, "--help").output.splitlines()[2].strip() == words


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    result = pyhomelab(name, "-h")
    assert result.exit_code == 0
    commands = re.findall(r"^  (\w+) ", result.output.partition("Commands:")[2], re.MULTILINE)
    pages = [pyhomelab(name, command, "-h").output for command in commands] or [result.output]
    assert all("Example: pyhomelab" in page for page in pages)


def test_help_imports_no_more_than_it_shows() -> None:
    code = "import sys\nfrom pyhomelab.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "print(sorted({'pydantic', 'ruamel.yaml', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


def test_gen_writes_then_says_that_nothing_is_to_do(lab: Path) -> None:
    first = pyhomelab("gen")
    assert first.exit_code == 0
    assert "created: hosts/dl1/default.nix\n" in first.output
    assert (lab / "dl1" / "extra.nix").exists()
    assert pyhomelab("gen").output == "every file is as the inventory says\n"


def test_gen_check_writes_nothing_and_exits_1_while_a_file_is_stale(lab: Path) -> None:
    code, out, err = ended("gen", "--check", str(lab))
    assert (code, err) == (1, "5 files not as the inventory says; run `pyhomelab gen`\n")
    assert f"stale: {lab}/lab.nix\n" in out
    assert [path.name for path in lab.iterdir()] == ["inventory.yaml"]
    ended("gen", str(lab))
    assert ended("gen", "--check", str(lab)) == (0, "every file is as the inventory says\n", "")


def test_gen_diff_shows_what_would_change_and_writes_nothing(lab: Path) -> None:
    pyhomelab("gen")
    (lab / "inventory.yaml").write_text(LAB.replace("192.168.10.11", "192.168.10.12"))
    before = (lab / "dl1" / "network.nix").read_text()
    shown = pyhomelab("gen", "--diff").output
    assert "--- a/hosts/dl1/network.nix\n+++ b/hosts/dl1/network.nix\n" in shown
    assert '-      addresses = [ "192.168.10.11/24" ];\n+      addresses = [ "192.168.10.12/24" ];\n' in shown
    assert (lab / "dl1" / "network.nix").read_text() == before


def test_gen_json_names_every_file_and_what_happened_to_it(lab: Path) -> None:
    said = json.loads(pyhomelab("gen", "--json", str(lab)).output)
    assert said["written"] is True
    assert said["files"]["dl1/default.nix"] == "created"
    assert json.loads(pyhomelab("gen", "--json", str(lab)).output) == {"written": True, "files": {}}


def test_a_refused_inventory_exits_3_with_sentences_on_stderr_and_nothing_written(lab: Path) -> None:
    (lab / "inventory.yaml").write_text(LAB.replace("8GiB", "8GB"))
    code, out, err = ended("gen", str(lab))
    assert (code, out) == (3, "")
    assert err == (
        f"{lab}/inventory.yaml:10:13: hosts.dl1.memory: 8GB is not a size in binary units; "
        "write it like 512MiB, 36GiB or 1.5TiB\nthe inventory has 1 mistake; nothing was written\n"
    )
    assert [path.name for path in lab.iterdir()] == ["inventory.yaml"]


def test_check_tells_what_each_host_has_and_promises(lab: Path) -> None:
    code, out, err = ended("check", str(lab))
    assert (code, err) == (0, "")
    assert out.startswith(f"{lab}: 1 host and 1 network, no mistakes\n")
    assert re.search(r"dl1 +8GiB +1GiB \(guests 0B, ARC 0B\) +4 +0", out)


def test_check_json_holds_mistakes_with_their_places(lab: Path) -> None:
    assert json.loads(ended("check", "--json", str(lab))[1])["ok"] is True
    (lab / "inventory.yaml").write_text(LAB.replace("8GiB", "8GB"))
    code, out, _ = ended("check", "--json", str(lab))
    (mistake,) = json.loads(out)["mistakes"]
    assert code == 3
    assert (mistake["line"], mistake["column"], mistake["path"], mistake["value"]) == (
        10,
        13,
        "hosts.dl1.memory",
        "8GB",
    )


@pytest.mark.parametrize(
    "arguments",
    [("gne",), ("gen", "--chek"), ("gen", "a", "b"), ("init",), ("init", "x", "--name", "A B"), ("completion", "tcsh")],
)
def test_wrong_usage_exits_2(arguments: tuple[str, ...]) -> None:
    code, out, err = ended(*arguments)
    assert (code, out) == (2, "")
    assert "Usage: pyhomelab" in err


def test_a_missing_inventory_exits_3_and_says_how_to_begin(tmp_path: Path) -> None:
    assert ended("check", str(tmp_path / "hosts")) == (
        3, "", f"{tmp_path}/hosts: cannot be read: no such file or directory; `pyhomelab init DIR` makes a lab to start from\n",
    )  # fmt: skip


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell: str) -> None:
    assert "_PYHOMELAB_COMPLETE" in pyhomelab("completion", shell).output


def test_an_error_ends_the_program_with_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(HomelabError):
        exit_code = 5

    def fail(**_: object) -> None:
        raise Odd("it broke", where="dl1", hint="mend it")

    monkeypatch.setattr(program, "main", lambda *_, **__: fail())
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 5


def test_an_output_that_takes_no_more_is_a_failure_with_a_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pyhomelab", "schema"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, "no space left on device\n")
