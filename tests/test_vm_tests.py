"""The NixOS VM tests, as far as a machine without nixpkgs and KVM can tell: their labs, machines and scripts."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from pyhomelab.checks import checks_of
from pyhomelab.cli.main import program
from pyhomelab.inventory.load import load
from tests.flakes import copy_of_the_repository, needs_nix, stand_ins, value
from tests.modules.harness import NIX, evaluate, evaluate_many, failed_assertions, needs_nixpkgs_lib
from tests.modules.sources import ROOT, checkout, nixpkgs_lib

if TYPE_CHECKING:
    from pathlib import Path

VM_TESTS = ROOT / "vm-tests"
TESTS = sorted(path.stem for path in VM_TESTS.glob("*.nix") if path.stem != "default")
LABS = sorted(path.parent for path in VM_TESTS.glob("labs/*/inventory.yaml"))
FILES = sorted(map(str, VM_TESTS.rglob("*.nix")))
DRIVER = ROOT / "tests/data/nixos_test_driver.pyi"
BOOTS = "a-machine-boots-as-its-inventory-says"

needs_ruff = pytest.mark.skipif(shutil.which("ruff") is None, reason="ruff is not on PATH")
needs_nixfmt = pytest.mark.skipif(shutil.which("nixfmt") is None, reason="nixfmt is not on PATH")


def run(*argv: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, timeout=300, check=False, **options)


def answer(expression: str) -> Any:
    """What a Nix expression over `tests`, as they are handed to the test framework, evaluates to."""
    tests = f"import {NIX}/vm-tests.nix {{ nixpkgsLib = {nixpkgs_lib()}; }}"
    text = f"let tests = {tests}; in {expression}"
    done = run("nix-instantiate", "--eval", "--strict", "--json", "--expr", text)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@cache
def handed_over() -> dict[str, Any]:
    """Name, machines and script of every test."""
    tests: dict[str, Any] = answer(
        "builtins.mapAttrs (_: one: { inherit (one) name testScript; nodes = builtins.attrNames one.nodes; }) tests"
    )
    return tests


def machine(module: str) -> str:
    """A module of a VM test under our modules: plain-secrets.nix stands where sops-nix would."""
    sops = [f"{NIX}/sops.nix", f"{checkout('PYHOMELAB_SOPS_NIX', 'sops-nix')}/modules/sops"]
    return f"""{{ lib, ... }}: {{
      imports = [ ({module}) ];
      disabledModules = {" ".join(["[", *map(json.dumps, sops), "]"])};
      nixpkgs.pkgs = lib.mkForce {{ }}; # the stand-in holds all of lib, which nobody wants to look through
    }}"""


def node(test: str, name: str) -> str:
    tests = f"import {NIX}/vm-tests.nix {{ nixpkgsLib = {nixpkgs_lib()}; }}"
    return machine(f"({tests}).{test}.nodes.{name}")


def of_each(test: str, select: str) -> dict[str, Any]:
    """What `select` makes of every machine of a test."""
    return evaluate_many({name: node(test, name) for name in handed_over()[test]["nodes"]}, select)


def with_secrets(directory: str, secrets: str) -> str:
    plain = f"import {ROOT}/pyhomelab/virtual/plain-secrets.nix {{ secrets = {{ {secrets} }}; }}"
    return machine(f"{{ imports = [ ({plain}) {ROOT}/hosts/{directory} ]; }}")


def names_of_the_driver() -> list[str]:
    """What the driver puts around a script."""
    names = ["os"]
    for statement in ast.parse(DRIVER.read_text()).body:
        if isinstance(statement, ast.FunctionDef):
            names.append(statement.name)
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            names.append(statement.target.id)
    return names


def variables(nodes: list[str]) -> list[str]:
    """The Python names of machines; a test of one machine may call it `machine` too."""
    names = [re.sub(r"\W", "_", name) for name in nodes]
    return [*names, "machine"] if len(names) == 1 else names


def type_mistakes(script: str, nodes: list[str], directory: Path) -> list[str]:
    """What mypy says of a script, a line each; the driver's build asks it the same."""
    head = ["from nixos_test_driver import *", *(f"{name}: QemuMachine" for name in variables(nodes)), ""]
    (directory / "script.py").write_text("\n".join(head) + script)
    shutil.copy(DRIVER, directory)
    options = ["--config-file=", "--no-implicit-optional", "--check-untyped-defs", "--no-error-summary"]
    done = run(sys.executable, "-m", "mypy", *options, "script.py", cwd=directory)
    assert done.returncode in {0, 1}, done.stderr
    return [re.sub(r"^script.py:\d+: ", "", line) for line in done.stdout.splitlines()]


def loose_names(script: str, nodes: list[str]) -> list[str]:
    """What ruff's pyflakes rules say of a script: names that are used and not there, or there and not used."""
    builtins = f"builtins = {json.dumps([*names_of_the_driver(), *variables(nodes)])}"
    done = run(
        "ruff", "check", "--isolated", "--select=F", "--config", builtins, "--output-format=concise", "-", input=script
    )
    assert done.returncode in {0, 1}, done.stderr
    return [line.removeprefix("-:") for line in done.stdout.splitlines() if line.startswith("-:")]


@pytest.mark.skipif(shutil.which("nix-instantiate") is None, reason="nix-instantiate is not on PATH")
def test_every_file_parses() -> None:
    assert run("nix-instantiate", "--parse", *FILES).stderr == ""


@needs_nixfmt
def test_every_file_is_formatted() -> None:
    done = run("nixfmt", "--check", *FILES)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_the_committed_files_of_a_lab_are_what_gen_writes(lab: Path) -> None:
    result = CliRunner().invoke(program, ["gen", "--check", str(lab)])
    assert result.output == "every file is as the inventory says\n"


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_a_lab_that_is_generated_anew_is_the_committed_one(lab: Path, tmp_path: Path) -> None:
    shutil.copy(lab / "inventory.yaml", tmp_path)
    assert CliRunner().invoke(program, ["gen", str(tmp_path)]).exit_code == 0
    made = {str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*.nix")}
    assert made == {str(path.relative_to(lab)): path.read_bytes() for path in lab.rglob("*.nix")}


@needs_nixpkgs_lib
def test_every_file_beside_the_list_is_a_test_of_that_name_and_no_folder_is() -> None:
    assert {name: test["name"] for name, test in handed_over().items()} == {name: name for name in TESTS}


@needs_nixpkgs_lib
@pytest.mark.parametrize("test", TESTS)
def test_the_machines_of_a_test_are_the_hosts_of_its_inventory(test: str) -> None:
    (lab,) = set(re.findall(r"lab = \./labs/([\w-]+);", (VM_TESTS / f"{test}.nix").read_text()))
    assert handed_over()[test]["nodes"] == sorted(load(VM_TESTS / "labs" / lab).hosts)


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_the_checks_of_a_lab_are_those_of_its_inventory(lab: Path) -> None:
    kept = json.loads((lab / "checks.json").read_text())
    asked = {name: [asdict(check) for check in checks] for name, checks in checks_of(load(lab)).items()}
    assert kept == asked


@needs_nixpkgs_lib
@pytest.mark.parametrize("argument", ["machines.celler = { };", 'boots = [ "attic" "celler" ];'])
def test_a_machine_that_the_lab_does_not_have_is_refused(argument: str) -> None:
    make = f"import {VM_TESTS}/lib/make-lab-test.nix {{ pkgs.lib = import {nixpkgs_lib()}; disko = {{ }}; }}"
    arguments = f'name = "t"; lab = {VM_TESTS}/labs/two-hosts; cards = {{ }}; {argument} testScript = "";'
    done = run("nix-instantiate", "--eval", "--expr", f"({make}) {{ {arguments} }}")
    assert done.stderr.splitlines()[-1].strip() == (
        "error: vm-tests/t.nix: celler is no machine of two-hosts, which has attic, cellar; correct the name"
    )


@needs_nixpkgs_lib
@pytest.mark.parametrize("test", TESTS)
def test_every_machine_of_a_test_is_a_system_that_our_modules_accept(test: str) -> None:
    wrong = "map (a: a.message) (lib.filter (a: !a.assertion) config.assertions)"
    values = f"import {NIX}/values-set.nix {{ inherit lib options foreign; }}"
    found = of_each(test, f"{{ wrong = {wrong}; values = {values}; }}")
    assert {name: one["wrong"] for name, one in found.items()} == {name: [] for name in found}
    assert all("virtualisation.interfaces" in one["values"] for one in found.values())


@needs_nixpkgs_lib
@pytest.mark.parametrize("test", TESTS)
def test_a_machine_lacks_nothing_but_the_disk_that_the_driver_brings(test: str) -> None:
    disk = {"no file system is mounted at /", "grub is told of no disk"}
    for refused in of_each(test, f"import {NIX}/refused.nix {{ inherit config lib; }}").values():
        assert set(refused) <= disk


@needs_nixpkgs_lib
def test_a_machine_has_the_disks_of_its_inventory_but_for_the_one_it_boots_from() -> None:
    disks = ["ata-WDC_WD40EFRX-68N32N0_WD-WCC7K0000101", "ata-WDC_WD40EFRX-68N32N0_WD-WCC7K0000102"]
    blank, rules, mounts = evaluate(
        node("zfs", "alpha"),
        """[ config.virtualisation.emptyDiskImages config.services.udev.extraRules
             (lib.mapAttrs (_: one: { inherit (one) device fsType options; }) config.virtualisation.fileSystems) ]""",
    )
    assert [(disk["size"], disk["driveConfig"]["deviceExtraOpts"]["serial"]) for disk in blank] == [
        (1024, "data-0"),
        (1024, "data-1"),
    ]
    assert rules.splitlines() == [
        f'SUBSYSTEM=="block", ENV{{DEVTYPE}}=="{kind}", ATTRS{{serial}}=="data-{number}", SYMLINK+="disk/by-id/{disk}{part}"'
        for number, disk in enumerate(disks)
        for kind, part in (("disk", ""), ("partition", "-part%n"))
    ]
    assert mounts == {"/srv/files": {"device": "tank/files", "fsType": "zfs", "options": ["nofail"]}}


@needs_nixpkgs_lib
def test_a_machine_keeps_the_cards_and_the_firewall_of_its_inventory() -> None:
    network = 'config.systemd.network.networks."30-eno1"'
    assert evaluate(
        node(BOOTS, "cellar"),
        f"""{{ cards = config.virtualisation.interfaces; inherit ({network}) address;
              open = config.networking.firewall.interfaces.eno1.allowedTCPPorts;
              firmware = config.hardware.enableRedistributableFirmware; disks = config.fileSystems; }}""",
    ) == {
        "cards": {"eno1": {"vlan": 1, "assignIP": False}},
        "address": ["192.168.10.12/24"],
        "open": [8080],
        "firmware": False,
        "disks": {},
    }


@needs_nixpkgs_lib
def test_the_secrets_of_a_test_are_files_where_the_modules_look_for_them() -> None:
    module = with_secrets("examples/mini-pc/mini", 'k3s-mini-token = "token"; k3s-mini-agent-token = "agent";')
    assert failed_assertions(module) == []
    service = "{ inherit (config.services.k3s) tokenFile agentTokenFile; }"
    assert evaluate(module, service) == {
        "tokenFile": "/etc/plain-secrets/k3s-mini-token",
        "agentTokenFile": "/etc/plain-secrets/k3s-mini-agent-token",
    }
    select = '{ inherit (config.environment.etc."plain-secrets/k3s-mini-token") text mode user; }'
    assert evaluate(module, select) == {"text": "token", "mode": "0400", "user": "root"}


@needs_nixpkgs_lib
def test_a_file_that_holds_a_secret_is_written_with_its_text() -> None:
    module = with_secrets("dl2", 'drbd-vmstore = "the password";')
    select = 'config.environment.etc."plain-secrets/rendered/drbd-vmstore.res".text'
    assert failed_assertions(module) == []
    assert 'shared-secret "the password";' in evaluate(module, select)


@needs_nixpkgs_lib
def test_a_secret_that_the_test_does_not_give_is_named() -> None:
    assert failed_assertions(with_secrets("dl2", "")) == [
        "vm-tests on dl2: the secret drbd-vmstore has no text; add it to the test, as in "
        'secrets.drbd-vmstore = "not secret"'
    ]


@needs_nixpkgs_lib
@pytest.mark.parametrize("test", TESTS)
def test_a_script_uses_the_driver_as_it_is_documented(test: str, tmp_path: Path) -> None:
    assert type_mistakes(handed_over()[test]["testScript"], handed_over()[test]["nodes"], tmp_path) == []


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('attic.suceed("true")', '"QemuMachine" has no attribute "suceed"  [attr-defined]'),
        ('attic.wait_for_open_port("22")', 'Argument 1 to "wait_for_open_port" of "Machine" has incompatible type "str"; expected "int"  [arg-type]'),
        ('n: int = attic.succeed("true")', 'Incompatible types in assignment (expression has type "str", variable has type "int")  [assignment]'),
        ("def check(at):\n    attic.wait_for_port(at)", '"QemuMachine" has no attribute "wait_for_port"  [attr-defined]'),
        ("subtest('a sentence', 5)", 'Too many arguments for "subtest"  [call-arg]'),
    ],
)  # fmt: skip
def test_a_script_that_uses_the_driver_wrongly_is_found(script: str, said: str, tmp_path: Path) -> None:
    assert type_mistakes(script, ["attic"], tmp_path) == [f"error: {said}"]


@needs_ruff
@needs_nixpkgs_lib
@pytest.mark.parametrize("test", TESTS)
def test_a_script_has_no_loose_names(test: str) -> None:
    assert loose_names(handed_over()[test]["testScript"], handed_over()[test]["nodes"]) == []


@needs_ruff
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ('atic.succeed("true")', "1:1: F821 Undefined name `atic`"),
        ("import json", "1:8: F401 [*] `json` imported but unused"),
        ('def check():\n    out = the_nas.succeed("true")', "2:5: F841 Local variable `out` is assigned to but never used"),
    ],
)  # fmt: skip
def test_a_loose_name_is_found(script: str, said: str) -> None:
    assert loose_names(f"{script}\n", ["the-nas"]) == [said]


@needs_nixpkgs_lib
@pytest.mark.parametrize("test", TESTS)
def test_one_of_the_sentences_of_a_test_proves_that_a_check_can_fail(test: str) -> None:
    sentences = re.findall(r'with subtest\("(.+)"\):', handed_over()[test]["testScript"])
    assert len(sentences) == len(set(sentences)) > 1
    assert any(re.search("check of .* can fail", sentence) for sentence in sentences)


@needs_nixpkgs_lib
def test_the_script_takes_the_admins_key_from_the_inventory() -> None:
    key = load(VM_TESTS / "labs/two-hosts").lab.admins[0].ssh_keys[0]
    assert f"grep -Fx '{key}'" in handed_over()[BOOTS]["testScript"]


@pytest.mark.nix
@needs_nix
def test_the_vm_tests_are_checks_of_the_flake_where_their_machines_can_run(tmp_path: Path) -> None:
    (tmp_path / "repository").mkdir()
    repository = copy_of_the_repository(tmp_path / "repository")
    shutil.copytree(VM_TESTS, repository / "vm-tests", dirs_exist_ok=True)
    overrides = stand_ins(tmp_path)
    packages = tmp_path / "nixpkgs/packages.nix"
    driver = "testers.runNixOSTest = test: fake test.name;"
    packages.write_text(packages.read_text().replace("inherit fake lib;", f"inherit fake lib; {driver}"))

    def checks(system: str) -> dict[str, str]:
        apply = "builtins.mapAttrs (_: check: check.name)"
        found: dict[str, str] = value(f"path:{repository}#checks.{system}", *overrides, "--apply", apply)
        return {name: check for name, check in found.items() if name.startswith("vm-")}

    assert checks("x86_64-linux") == {f"vm-{name}": name for name in TESTS}
    assert checks("aarch64-linux") == {}
