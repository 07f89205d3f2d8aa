"""A step of an installation: nixos-anywhere is told what to do, over ssh that demands the host key, in limited time."""

from __future__ import annotations

import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyhomelab.errors import Refused
from pyhomelab.installing import installation
from pyhomelab.installing.anywhere import Anywhere, StepFailed, nixos_anywhere
from pyhomelab.installing.installation import Order
from pyhomelab.process import Children
from pyhomelab.telling.events import Progressed
from tests.sshd import Home, make_key, needs_sshd, running_sshd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.machines.targets import Target
    from pyhomelab.telling.events import Event
    from tests.sshd import Sshd

STAND_IN = Path(__file__).parent / "anywhere"
REAL_OPTIONS = "-o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o IdentitiesOnly=yes"


class Scene:
    """A machine that is an sshd of this computer, and a nixos-anywhere that is told to work on it."""

    def __init__(self, place: Path, sshd: Sshd) -> None:
        self.place, self.target = place, sshd.target()
        self.told: list[Event] = []
        self.order = Order("dl1", str(place), str(place), str(place))

    def program(self, script: str) -> str:
        """Write a program that stands in for nixos-anywhere."""
        file = self.place / "nixos-anywhere"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        return str(file)

    def does(self, script: str, target: Target | None = None) -> None:
        """Do a step by a program."""
        with Children() as children:
            one = Anywhere(self.program(script), children, self.told.append)
            one.do(self.order, "install", target or self.target, {})


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    key = Home(tmp_path / "home", monkeypatch).key()
    with running_sshd(tmp_path / "sshd") as sshd:
        sshd.takes(key)
        sshd.start()
        yield Scene(tmp_path, sshd)


@needs_sshd
def test_a_step_reaches_the_machine_by_its_name_over_the_ssh_that_is_on_path(scene: Scene) -> None:
    scene.does(f'ssh {REAL_OPTIONS} dl1 "echo was-there >{scene.place}/proof"')
    assert (scene.place / "proof").read_text() == "was-there\n"


@needs_sshd
def test_a_key_that_only_an_agent_holds_opens_the_machine_though_nixos_anywhere_offers_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home", monkeypatch)
    key = home.key("in-agent")
    with running_sshd(tmp_path / "sshd") as sshd, home.agent(key):
        sshd.takes(key)
        sshd.start()
        key.unlink()
        make_key(tmp_path / "its-own")
        scene = Scene(tmp_path, sshd)
        scene.does(f'ssh {REAL_OPTIONS} -i {tmp_path}/its-own dl1 "echo was-there >{tmp_path}/proof"')
    assert (tmp_path / "proof").read_text() == "was-there\n"


@needs_sshd
def test_a_machine_with_another_host_key_is_not_talked_to_though_nixos_anywhere_would(scene: Scene) -> None:
    other = make_key(scene.place / "other")
    with pytest.raises(StepFailed) as failure:
        scene.does(
            f'ssh {REAL_OPTIONS} dl1 "echo was-there >{scene.place}/proof"', replace(scene.target, host_key=other)
        )
    assert not (scene.place / "proof").exists()
    assert failure.value.what == "install failed (exit 255)"
    assert failure.value.log[-1] == "Host key verification failed."


@needs_sshd
def test_what_it_is_at_is_told_and_its_last_words_explain_a_failure(scene: Scene) -> None:
    with pytest.raises(StepFailed) as failure:
        scene.does("echo '### Uploading the system closure ###'; echo 'no \033[31mroom\033[0m' >&2; exit 7")
    assert scene.told == [Progressed("dl1", "Uploading the system closure")]
    assert (failure.value.what, failure.value.where) == ("install failed (exit 7)", "dl1")
    assert sorted(failure.value.log) == ["### Uploading the system closure ###", "no room"]


@needs_sshd
def test_a_step_that_never_ends_is_ended(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(installation.LIMITS, "install", 1)
    with pytest.raises(StepFailed) as failure:
        scene.does("while :; do sleep 1; done")
    assert failure.value.what == "install did not end within 1 s"


@needs_sshd
def test_what_a_killed_program_started_reaches_the_machine_no_more(scene: Scene) -> None:
    started, code = scene.place / "started", scene.place / "code"
    waits = f"touch {started}; while kill -0 $PPID; do sleep 0.1; done"
    script = f'{waits}; ssh dl1 "echo was-there >{scene.place}/proof"; echo $? >{code}.new; mv {code}.new {code}'
    program = os.fork()
    if program == 0:
        scene.does(f"({script}) 2>/dev/null")
        os._exit(0)
    until = time.monotonic() + 30
    while not started.exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    os.kill(program, signal.SIGKILL)
    os.waitpid(program, 0)
    while not code.exists():
        assert time.monotonic() < until
        time.sleep(0.05)
    assert code.read_text() == "255\n"
    assert not (scene.place / "proof").exists()


def found(path: str, tmp_path: Path) -> Anywhere:
    """Look for nixos-anywhere on a PATH."""
    with pytest.MonkeyPatch.context() as patch, Children() as children:
        patch.setenv("PATH", path)
        return nixos_anywhere(f"path:{tmp_path}", tmp_path / "roots", "dl1", children, lambda _: None)


def test_the_nixos_anywhere_on_path_is_used() -> None:
    one = found(f"{STAND_IN}:{os.environ['PATH']}", Path("/nonexistent"))
    assert one.path == str(STAND_IN / "nixos-anywhere")


def test_without_it_and_without_nix_both_are_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        found(str(tmp_path), tmp_path)
    assert str(refused.value) == (
        "nixos-anywhere is not on PATH, and Nix is not there to get it; "
        "install it, or Nix, which fetches it: https://nixos.org/download"
    )


def test_one_that_is_too_old_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "nixos-anywhere"
    program.write_text("#!/bin/sh\necho '--store-paths --target-host --extra-files --disk-encryption-keys'\n")
    program.chmod(0o755)
    with pytest.raises(Refused) as refused:
        found(f"{tmp_path}:{os.environ['PATH']}", tmp_path)
    assert (
        str(refused.value)
        == f"{program} is too old: it does not know --phases; 1.13 does; without one on PATH, Nix gets it"
    )


def test_one_that_does_not_run_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "nixos-anywhere"
    program.write_text("#!/bin/sh\necho 'no bash here' >&2; exit 1\n")
    program.chmod(0o755)
    with pytest.raises(Refused) as refused:
        found(f"{tmp_path}:{os.environ['PATH']}", tmp_path)
    assert str(refused.value) == f"{program} does not run: no bash here; see that `nixos-anywhere --help` does"


NIXPKGS = """{
  outputs = _: {
    legacyPackages.x86_64-linux.nixos-anywhere = derivation {
      name = "nixos-anywhere";
      system = "x86_64-linux";
      builder = "/bin/sh";
      args = [ "-c" "PATH=/bin:/usr/bin; mkdir -p $out/bin; cp ${./program} $out/bin/nixos-anywhere; cp ${./usage} $out/bin/usage" ];
    };
  };
}
"""


@pytest.mark.nix
@pytest.mark.skipif(shutil.which("nix") is None, reason="nix is not on PATH")
def test_without_it_nix_gets_the_one_of_the_nixpkgs_that_the_lab_is_pinned_to(tmp_path: Path) -> None:
    nixpkgs = tmp_path / "nixpkgs"
    nixpkgs.mkdir()
    (nixpkgs / "flake.nix").write_text(NIXPKGS)
    shutil.copy(STAND_IN / "nixos-anywhere", nixpkgs / "program")
    shutil.copy(STAND_IN / "usage", nixpkgs)
    lab = tmp_path / "lab"
    lab.mkdir()
    (lab / "flake.nix").write_text(f'{{ inputs.nixpkgs.url = "path:{nixpkgs}"; outputs = _: {{ }}; }}\n')
    without = [place for place in os.environ["PATH"].split(":") if place != str(STAND_IN)]
    one = found(":".join(without), lab)
    assert one.path.startswith("/nix/store/")
    assert (lab / "roots/nixos-anywhere").resolve() == Path(one.path).parents[1]
    assert one.path.endswith("/bin/nixos-anywhere")
