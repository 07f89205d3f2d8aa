"""`pyhomelab build` with real Nix: what comes out, what a failure costs, and what is left when it is interrupted."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.build.labs import NixLab, needs_git, nix_lab
from tests.flakes import needs_nix
from tests.modules.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.nix, needs_nix]

BROKEN_OPTION = 'toplevel = throw "dl2 has no such option";'
BROKEN_BUILD = 'script = "test -e ${derive "kernel" "echo compiling; echo undefined reference >&2; exit 3"}";'
OTHER_MACHINE = 'toplevel = derivation { name = "nixos"; system = "armv6l-linux"; builder = "/bin/sh"; };'


def paths(stdout: str) -> dict[str, str]:
    """The store paths that were printed, by the machine in their names."""
    found = [re.fullmatch(r"/.*/[0-9a-z]{32}-nixos-system-(\w+)", line) for line in stdout.splitlines()]
    assert all(found), stdout
    return {match[1]: match[0] for match in found if match}


def test_stdout_is_the_store_paths_in_the_order_of_the_inventory_and_nothing_else(lab: NixLab) -> None:
    done = lab.build()
    assert done.returncode == 0, done.stderr
    built = paths(done.stdout)
    assert list(built) == ["dl1", "dl2", "dl3"]
    assert all((Path(path) / "etc/version").is_file() for path in built.values())
    assert "evaluating 3 machines with nix" in done.stderr
    assert f"dl2: built: {built['dl2']}\n" in done.stderr


def test_a_machine_that_fails_keeps_no_other_from_being_built_and_the_exit_code_is_4(lab: NixLab) -> None:
    lab.set_up("dl2", BROKEN_OPTION)
    lab.set_up("dl3", BROKEN_BUILD)
    done = lab.build()
    assert done.returncode == 4
    assert list(paths(done.stdout)) == ["dl1"]
    assert "\ndl2: evaluation failed\n" in done.stderr
    assert "\ndl2:   error: dl2 has no such option\n" in done.stderr
    assert "\ndl3: build failed\n" in done.stderr
    assert "\ndl3:          > compiling\ndl3:          > undefined reference\n" in done.stderr
    assert done.stderr.endswith(
        "\ndl2 could not be evaluated; dl3 could not be built; next, when that is mended: pyhomelab build --on dl2,dl3 "
        f"{lab.root}/hosts\n"
    )


def test_json_tells_what_became_of_each_machine(lab: NixLab) -> None:
    lab.set_up("dl2", BROKEN_OPTION)
    lab.set_up("dl3", BROKEN_BUILD)
    done = lab.build("--json")
    assert done.returncode == 4
    hosts = json.loads(done.stdout)["hosts"]
    assert hosts["dl1"] == {"state": "built", "toplevel": hosts["dl1"]["toplevel"], "signed": False, "on_host": False}
    assert paths(hosts["dl1"]["toplevel"]).keys() == {"dl1"}
    assert (hosts["dl2"]["state"], hosts["dl3"]["state"]) == ("evaluation failed", "build failed")
    assert hosts["dl2"]["said"].splitlines()[-1] == "error: dl2 has no such option"
    assert "> undefined reference" in hosts["dl3"]["said"]


def test_all_of_a_machine_that_can_be_built_is_built_and_all_that_fails_is_said(lab: NixLab) -> None:
    parts = [f'${{derive "part{number}" "echo part {number} is broken >&2; exit 1"}}' for number in (1, 2)]
    lab.set_up("dl1", f'script = "cat {" ".join(parts)} > $out";')
    done = lab.build("--host", "dl1")
    assert done.returncode == 4
    assert "dl1:          > part 1 is broken\n" in done.stderr
    assert "dl1:          > part 2 is broken\n" in done.stderr


def test_what_this_machine_cannot_build_is_said_with_what_it_would_take(lab: NixLab) -> None:
    lab.set_up("dl1", OTHER_MACHINE)
    done = lab.build("--host", "dl1")
    assert done.returncode == 4
    assert "armv6l-linux" in done.stderr.partition("dl1: build failed")[2]


def test_only_the_machines_that_are_meant_are_evaluated(lab: NixLab) -> None:
    lab.set_up("dl2", BROKEN_OPTION)
    done = lab.build("--host", "dl3", "--on", "dl1")
    assert done.returncode == 0, done.stderr
    assert list(paths(done.stdout)) == ["dl1", "dl3"]


def test_a_machine_that_is_not_in_the_inventory_is_refused(lab: NixLab) -> None:
    done = lab.build("--host", "dl4")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == "dl4: is no machine of the lab; did you mean dl1, dl2 or dl3?\n"


def test_an_error_of_the_flake_is_said_once_and_nothing_is_built(lab: NixLab) -> None:
    (lab.root / "nix/lab.nix").write_text('_: throw "the inputs are too old"\n')
    done = lab.build()
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("the inputs are too old") == 2  # in the source line that it quotes, and as the cause
    assert "\nthe flake cannot be evaluated\n" in f"\n{done.stderr}"
    assert "dl1" not in done.stderr


def test_a_machine_whose_directory_the_flake_does_not_find_is_told_from_the_others(lab: NixLab) -> None:
    frame = (lab.root / "nix/lab.nix").read_text()
    (lab.root / "nix/lab.nix").write_text(frame.replace('"examples"', '"dl2" "examples"'))
    done = lab.build()
    assert (done.returncode, list(paths(done.stdout))) == (4, ["dl1", "dl3"])
    assert "dl2:   the flake has no nixosConfigurations.dl2; did you mean dl1 or dl3?\n" in done.stderr


def test_without_nix_it_is_said_where_to_get_it(lab: NixLab, tmp_path: Path) -> None:
    done = lab.build(environment={"PATH": str(tmp_path)})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith(
        "nix is not on PATH; it evaluates and builds the machines; get it from https://nixos.org/download\n"
    )


def test_an_inventory_beside_which_there_is_no_flake_is_refused(lab: NixLab) -> None:
    (lab.root / "flake.nix").unlink()
    done = lab.build()
    assert done.returncode == 3
    assert done.stderr.endswith(f"{lab.root}: has no flake.nix; `pyhomelab init DIR` makes a lab with one\n")


def test_stale_files_are_refused_before_anything_is_built(lab: NixLab) -> None:
    inventory = lab.root / "hosts/inventory.yaml"
    inventory.write_text(inventory.read_text().replace("192.168.10.11", "192.168.10.19"))
    done = lab.build()
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"{lab.root}/hosts: 2 files not as the inventory says; run `pyhomelab gen`\n"


def test_a_flake_whose_lock_file_is_out_of_date_is_an_error_and_the_lock_file_stays(lab: NixLab) -> None:
    flake = lab.root / "flake.nix"
    (lab.root / "other").mkdir()
    (lab.root / "other/flake.nix").write_text("{ outputs = _: { }; }\n")
    flake.write_text(flake.read_text().replace("{\n", f'{{\n  inputs.other.url = "path:{lab.root}/other";\n', 1))
    before = (lab.root / "flake.lock").read_bytes()
    done = lab.build()
    assert done.returncode == 3
    assert "lock file" in done.stderr
    assert (lab.root / "flake.lock").read_bytes() == before


def test_what_was_built_outlives_a_collection_of_garbage_until_the_next_build(lab: NixLab) -> None:
    first = paths(lab.build("--host", "dl1").stdout)["dl1"]
    assert lab.nix("store", "gc").returncode == 0
    assert Path(first).is_dir()
    assert (lab.root / ".pyhomelab/gcroots/dl1").readlink() == Path(first)
    lab.set_up("dl1", 'script = "mkdir $out; echo new > $out/new";')
    second = paths(lab.build("--host", "dl1").stdout)["dl1"]
    assert lab.nix("store", "gc").returncode == 0
    assert (Path(first).exists(), Path(second).is_dir()) == (False, True)


def test_the_builders_of_nix_conf_are_asked_only_when_they_may_be(lab: NixLab, tmp_path: Path) -> None:
    hook, asked = tmp_path / "hook", tmp_path / "asked"
    # Nix hands its settings to the program that looks for a builder; this one finds none, so that Nix builds by itself.
    hook.write_text(f"#!/bin/sh\ntimeout 0.5 cat > {asked}\necho '# decline-permanently' >&2\n")
    hook.chmod(0o755)
    settings = lab.environment["NIX_CONFIG"].replace("build-hook =", f"build-hook = {hook}")
    settings += "\nbuilders = ssh-ng://fast x86_64-linux"
    for place, is_asked in (("local", False), ("remote", True)):
        lab.set_up("dl1", f'script = "echo {place} > $out";')
        done = lab.build("--host", "dl1", "--build-on", place, environment={"NIX_CONFIG": settings})
        assert done.returncode == 0, done.stderr
        assert (b"ssh-ng://fast" in asked.read_bytes()) == is_asked, place


@needs_git
def test_a_lab_in_git_is_built_from_what_git_tracks(lab: NixLab) -> None:
    git(lab, "init", "--quiet")
    git(lab, "add", "--all")
    done = lab.build("--host", "dl1")  # there is no commit yet
    assert done.returncode == 0, done.stderr
    assert "dirty" not in done.stderr


@needs_git
def test_a_generated_file_that_git_does_not_know_is_refused_with_the_command_that_helps(lab: NixLab) -> None:
    git(lab, "init", "--quiet")
    git(lab, "add", "--all")
    git(lab, "rm", "--quiet", "--cached", "hosts/dl2/network.nix", "hosts/dl2/extra.nix")
    done = lab.build()
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == (
        f"{lab.root}: 2 files that git does not know, so that Nix does not see them: hosts/dl2/extra.nix and "
        "hosts/dl2/network.nix; git add hosts\n"
    )


def git(lab: NixLab, *arguments: str) -> None:
    identity = ["-c", "user.name=mika", "-c", "user.email=mika@home.arpa"]
    subprocess.run(["git", "-C", str(lab.root), *identity, *arguments], check=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_interrupts_it_leaves_no_nix_behind(lab: NixLab, tmp_path: Path, number: signal.Signals) -> None:
    pidfile = tmp_path / "pid"
    for machine in ("dl1", "dl2", "dl3"):
        lab.set_up(machine, f'script = "echo $$ >> {pidfile}; sleep 60";')
    program = subprocess.Popen(
        [sys.executable, "-m", "pyhomelab", "build", str(lab.root / "hosts")],
        env={**os.environ, **lab.environment, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: pidfile.exists() and len(pidfile.read_text().splitlines()) > 1)
    program.send_signal(number)
    assert program.wait(20) in {1, 143}
    assert list(processes_in(lab)) == []


def until(holds: object, patience: float = 20) -> None:
    assert callable(holds)
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def processes_in(lab: NixLab) -> Iterator[int]:
    """Processes that build in the lab's store or ask Nix about it."""
    wanted = f"NIX_STORE_DIR={lab.environment['NIX_STORE_DIR']}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0") and int(entry.name) != os.getpid():
                yield int(entry.name)
        except OSError:
            continue


def test_the_private_key_of_a_lab_outside_git_does_not_reach_the_store(tmp_path: Path) -> None:
    lab = nix_lab(tmp_path, "dl1")
    (lab.root / ".pyhomelab").mkdir()
    (lab.root / ".pyhomelab/admin_ed25519").write_text("PRIVATE KEY\n")
    (lab.root / "result").symlink_to("/nowhere")
    done = lab.build()
    assert done.returncode == 0, done.stderr
    copies = list(Path(lab.environment["NIX_STORE_DIR"]).glob("*-source"))
    assert [(copy / "flake.nix").exists() for copy in copies] == [True]
    assert not any((copies[0] / name).is_symlink() or (copies[0] / name).exists() for name in (".pyhomelab", "result"))
    assert sorted(path.name for path in (lab.root / ".pyhomelab").iterdir()) == ["admin_ed25519", "gcroots"]
