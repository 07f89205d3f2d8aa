"""`pyhomelab try`: what it takes, what Nix makes of it, and how it runs the machines."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from pyhomelab.cli import try_
from pyhomelab.cli.main import main, program
from pyhomelab.inventory.load import load
from pyhomelab.rehearsal.rehearsal import Computer, Stand, expression, lacks, lacks_of_nix, this_computer
from pyhomelab.rehearsal.switches import switches
from tests.flakes import needs_nix
from tests.labs import lab
from tests.modules.harness import evaluate_many, needs_nixpkgs_lib
from tests.modules.sources import ROOT, nixpkgs_lib
from tests.test_vm_tests import loose_names, machine, needs_ruff, type_mistakes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PAIR = ROOT / "hosts/examples/two-nodes-and-witness"
ENOUGH = Computer("x86_64", has_kvm=True, may_use_kvm=True, free_mib=64000)


def stand(memory: int = 2048, system: str = "x86_64-linux") -> Stand:
    return Stand(memory, {"eno1": 1}, 2201, system)


def test_cards_in_the_same_network_meet_in_one_switch_and_those_of_another_in_another() -> None:
    assert switches(lab(), ["dl1", "dl2"]) == {"dl1": {"eno1": 1, "eno2": 2}, "dl2": {"eno1": 1, "eno2": 2}}


def test_a_second_card_of_a_bond_meets_the_second_cards_of_others() -> None:
    assert switches(load(PAIR), ["alpha", "beta", "witness"]) == {
        "alpha": {"enp1s0f0": 1, "enp1s0f1": 2},
        "beta": {"enp1s0f0": 1, "enp1s0f1": 2},
        "witness": {"enp3s0": 1},
    }


def test_a_guest_is_in_the_switch_of_its_network_whatever_carries_that() -> None:
    assert switches(load(PAIR), ["alpha", "mail"])["mail"] == {"guests": 1}
    assert switches(lab(), ["dl1", "k8s-1"])["k8s-1"] == {"lan": 1}


def test_no_machine_has_two_cards_in_a_switch() -> None:
    for place in (ROOT / "hosts", *(ROOT / "hosts/examples").iterdir()):
        inventory = load(place)
        for cards in switches(inventory, (*inventory.hosts, *inventory.guests)).values():
            assert len(set(cards.values())) == len(cards)


def test_a_computer_that_has_it_all_lacks_nothing() -> None:
    assert list(lacks(ENOUGH, {"dl1": stand(), "dl2": stand()})) == []


def test_everything_that_is_lacking_is_said_at_once() -> None:
    poor = Computer("aarch64", has_kvm=False, may_use_kvm=False, free_mib=3000)
    assert list(lacks(poor, {"dl1": stand(), "dl2": stand()})) == [
        "its processor is aarch64, and the machines are made for x86_64",
        "/dev/kvm is not there: turn virtualisation on in the firmware, or load kvm_intel or kvm_amd",
        "4608 MiB of memory are needed and 3000 MiB are free: name fewer machines, or give each less by --memory",
    ]


def test_a_kvm_of_somebody_else_and_a_machine_of_another_make_are_lacking_too() -> None:
    shut = Computer("x86_64", has_kvm=True, may_use_kvm=False, free_mib=64000)
    assert list(lacks(shut, {"dl1": stand(), "pi": stand(system="aarch64-linux")})) == [
        "pi: not made for x86_64; name the others",
        "/dev/kvm is not yours to use: join the group kvm",
    ]


def test_what_this_computer_has_is_read_from_the_kernel(tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text("MemTotal:  8000000 kB\nMemAvailable:    4096000 kB\n")
    found = this_computer(tmp_path / "kvm", tmp_path / "meminfo")
    assert (found.has_kvm, found.may_use_kvm, found.free_mib) == (False, False, 4000)
    (tmp_path / "kvm").touch()
    found = this_computer(tmp_path / "kvm", tmp_path / "meminfo")
    assert (found.has_kvm, found.may_use_kvm) == (True, True)
    assert this_computer().free_mib > 0


def test_a_computer_without_nix_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(lacks_of_nix("path:/lab")) == [
        "nix is not on PATH; it evaluates and builds the machines; get it from https://nixos.org/download"
    ]


@needs_nix
@pytest.mark.nix
def test_sources_that_cannot_be_had_are_told_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "flake.nix").write_text('{ inputs.nixpkgs.url = "path:/is/not/there"; outputs = _: { }; }')
    (said,) = lacks_of_nix(f"path:{tmp_path}")
    assert said.startswith("nixpkgs and disko, which flake.lock names, cannot be fetched: ")
    assert "/is/not/there" in said


def test_the_expression_names_the_lab_and_what_each_machine_has() -> None:
    stands = {"dl1": Stand(1024, {"eno1": 1, "eno2": 2}, 2201, "x86_64-linux")}
    assert expression("git+file:///home/mika/lab", "hosts", stands) == (
        'let flake = builtins.getFlake "git+file:///home/mika/lab"; in '
        f'import "{ROOT}/pyhomelab/virtual/try.nix" {{\n'
        "  pkgs = flake.inputs.nixpkgs.legacyPackages.x86_64-linux;\n"
        "  inherit (flake.inputs) disko;\n"
        "  root = flake.outPath;\n"
        '  directory = "hosts";\n'
        "  machines = {\n"
        "    dl1 = {\n"
        "      cards = {\n"
        "        eno1 = 1;\n"
        "        eno2 = 2;\n"
        "      };\n"
        "      memory = 1024;\n"
        "      port = 2201;\n"
        "    };\n"
        "  };\n"
        "}\n"
    )


def handed_over(inventory: str, *names: str) -> str:
    """What the test framework is given for machines of an example, as a Nix expression."""
    cards = switches(load(ROOT / inventory), names)
    machines = {name: {"cards": cards[name], "memory": 1024, "port": 2201} for name in names}
    return f"""(import {ROOT}/pyhomelab/virtual/try.nix {{
      pkgs = {{ lib = import {nixpkgs_lib()}; testers.runNixOSTest = test: {{ driver = test; }}; }};
      disko.nixosModules.disko = {{ }};
      root = {ROOT};
      directory = "{inventory}";
      machines = builtins.fromJSON ''{json.dumps(machines)}'';
    }})"""


TRIED = [
    ("hosts", ("dl1", "dl3", "k8s-1", "nas")),
    ("hosts/examples/two-nodes-and-witness", ("alpha", "beta", "witness", "media")),
    ("hosts/examples/kubeadm", ("node-1", "node-4")),
    ("hosts/examples/mini-pc", ("mini",)),
]


@needs_nixpkgs_lib
@pytest.mark.parametrize(("inventory", "names"), TRIED, ids=lambda one: one if isinstance(one, str) else "")
def test_every_machine_that_is_tried_is_a_system_that_our_modules_accept(inventory: str, names: tuple[str]) -> None:
    nodes = {name: machine(f"{handed_over(inventory, *names)}.nodes.{name}") for name in names}
    wrong = "map (a: a.message) (lib.filter (a: !a.assertion) config.assertions)"
    ports = "map (one: one.host.port) config.virtualisation.forwardPorts"
    found = evaluate_many(nodes, f"{{ wrong = {wrong}; ports = {ports}; }}")
    assert found == {name: {"wrong": [], "ports": [2201]} for name in names}


@needs_nixpkgs_lib
def test_a_secret_is_invented_in_the_form_that_is_asked_for() -> None:
    nodes = {"node": machine(f"{handed_over('hosts/examples/kubeadm', 'node-1')}.nodes.node-1")}
    texts = evaluate_many(nodes, "lib.mapAttrs (name: _: config.sops.placeholder.${name}) config.sops.secrets")["node"]
    assert texts == {
        "kubeadm-upstream-certificate-key": "0" * 64,
        "kubeadm-upstream-token": "abcdef.0123456789abcdef",
    }


@needs_ruff
@needs_nixpkgs_lib
def test_the_script_uses_the_driver_as_it_is_documented(tmp_path: Path) -> None:
    text = f"{handed_over('hosts', 'dl1', 'k8s-1')}.testScript"
    argv = ["nix-instantiate", "--eval", "--strict", "--json", "--expr", text]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=300)
    script = json.loads(done.stdout)
    assert script.startswith("hosts = [dl1, k8s_1]\n")
    assert type_mistakes(script, ["dl1", "k8s-1"], tmp_path) == []
    assert loose_names(script, ["dl1", "k8s-1"]) == []


_FLAKE = """{{
  inputs = {{ nixpkgs.url = "path:{place}/nixpkgs"; disko.url = "path:{place}/disko"; }};
  outputs = _: {{ }};
}}"""
# What the real test framework hands back is a program too; this one says what it was given, and waits.
_NIXPKGS = r"""{{
  outputs = _: {{
    lib = import {lib};
    legacyPackages.x86_64-linux = {{
      lib = import {lib};
      testers.runNixOSTest = test: {{
        driver = derivation {{
          name = "driver";
          system = "x86_64-linux";
          builder = "/bin/sh";
          names = builtins.attrNames test.nodes;
          args = [ "-c" ''
            export PATH=/usr/bin:/bin
            mkdir -p $out/bin
            {{ echo '#!/bin/sh'; echo "for name in $names; do echo \$name is up; done"; echo '{ends}'; }} \
              > $out/bin/nixos-test-driver
            chmod +x $out/bin/nixos-test-driver
          '' ];
        }};
      }};
    }};
  }};
}}"""


@pytest.fixture
def tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A lab whose driver, built by the real Nix from a stand-in for nixpkgs, says who is up and then does something."""

    def make(ends: str) -> Path:
        home = tmp_path / "lab"
        shutil.copytree(ROOT / "nix", home / "nix")
        (home / "hosts").mkdir()
        shutil.copy(ROOT / "hosts/examples/mini-pc/inventory.yaml", home / "hosts")
        assert CliRunner().invoke(program, ["gen", str(home / "hosts")]).exit_code == 0
        for name in ("nixpkgs", "disko"):
            (tmp_path / name).mkdir()
        text = _NIXPKGS.format(lib=nixpkgs_lib(), ends=ends)
        (tmp_path / "nixpkgs/flake.nix").write_text(text)
        (tmp_path / "disko/flake.nix").write_text("{ outputs = _: { nixosModules.disko = { }; }; }")
        (home / "flake.nix").write_text(_FLAKE.format(place=tmp_path))
        monkeypatch.chdir(home)
        monkeypatch.setattr(try_, "this_computer", lambda: ENOUGH)
        return home

    return make


needs_all = pytest.mark.skipif(nixpkgs_lib() is None, reason="nixpkgs' lib is not at hand")
SSH = "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"


@pytest.mark.nix
@needs_nix
@needs_all
def test_the_machines_are_built_and_said_how_to_reach(
    tried: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    tried("exit 0")
    with pytest.raises(SystemExit) as left:
        main(["try", "--first-port", "3001", "--memory", "1024"])
    assert not left.value.code
    assert capfd.readouterr().out == f"mini: 1024 MiB; {SSH} -p 3001 root@localhost\nmini is up\n"


@pytest.mark.nix
@needs_nix
@needs_all
def test_machines_that_do_not_come_up_are_a_failure_with_the_last_that_was_said(
    tried: Callable[[str], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    tried("echo qemu is out of luck >&2; exit 7")
    with pytest.raises(SystemExit) as left:
        main(["try"])
    assert left.value.code == 4
    assert capfd.readouterr().err.splitlines()[-2:] == [
        "the machines did not come up (exit 7)",
        "qemu is out of luck",
    ]


@pytest.mark.nix
@needs_nix
@needs_all
def test_what_is_lacking_is_said_before_anything_is_built(
    tried: Callable[[str], Path], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried("exit 0")
    poor = Computer("x86_64", has_kvm=False, may_use_kvm=False, free_mib=1000)
    monkeypatch.setattr(try_, "this_computer", lambda: poor)
    with pytest.raises(SystemExit) as left:
        main(["try"])
    assert left.value.code == 3
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "mini cannot be tried here:",
        "- /dev/kvm is not there: turn virtualisation on in the firmware, or load kvm_intel or kvm_amd",
        "- 2304 MiB of memory are needed and 1000 MiB are free: name fewer machines, or give each less by --memory",
    ]


_STARTS = """
import sys
from pyhomelab.cli import try_
from pyhomelab.cli.main import main
from pyhomelab.rehearsal.rehearsal import Computer
try_.this_computer = lambda: Computer("x86_64", True, True, 64000)
main(["try"])
"""


@pytest.mark.nix
@needs_nix
@needs_all
def test_ctrl_c_ends_the_machines(tried: Callable[[str], Path]) -> None:
    home = tried("echo $$ > ../pid; exec sleep 600")
    argv = [sys.executable, "-c", _STARTS]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as command:
        assert command.stdout is not None
        assert [command.stdout.readline() for _ in range(2)][1] == "mini is up\n"
        try:
            pid = _number_in(home.parent / "pid")
            command.send_signal(signal.SIGINT)
            _, said = command.communicate(timeout=60)
        finally:
            command.kill()
    assert command.returncode == 130
    assert said.splitlines()[-1] == "the machines are ended, and nothing of them is kept"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def _number_in(file: Path) -> int:
    until = time.monotonic() + 30
    while not (file.is_file() and file.read_text().strip()):
        assert time.monotonic() < until
        time.sleep(0.1)
    return int(file.read_text())


def test_a_name_that_no_machine_has_is_refused(tmp_path: Path) -> None:
    shutil.copy(ROOT / "hosts/examples/mini-pc/inventory.yaml", tmp_path)
    done = CliRunner().invoke(program, ["try", "--inventory", str(tmp_path), "mimi"])
    assert str(done.exception) == "mimi: is no machine of the lab; did you mean mini?"
