"""`pyhomelab secret init`, with the real sops and age."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.modules.sources import ROOT
from tests.secret_keys import make_key, needs_age, needs_sops, path_with_sops, public
from tests.secret_lab import LAB, NAMES, Lab

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [needs_sops, needs_age]

HARDWARE = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t"


class Person:
    """Somebody with a home, who runs `pyhomelab secret` in a lab."""

    def __init__(self, lab: Lab, home: Path) -> None:
        self.lab, self.home = lab, home
        home.mkdir()

    @property
    def age_file(self) -> Path:
        """Where sops looks for this person's keys of age."""
        return self.home / ".config/sops/age/keys.txt"

    def runs(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `pyhomelab secret`, with the keys of this person alone."""
        own = {"HOME": str(self.home), "SOPS_AGE_SSH_PRIVATE_KEY_FILE": "/nonexistent", "USER": "somebody"}
        return self.lab.secret(*arguments, **own, **environment)

    def says(self, *arguments: str, **environment: str) -> list[str]:
        """What it prints when all is well."""
        done = self.runs(*arguments, **environment)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    def refusal(self, *arguments: str, **environment: str) -> str:
        """What it says when it refuses."""
        done = self.runs(*arguments, **environment)
        assert (done.returncode, done.stdout) == (3, "")
        return done.stderr.removesuffix("\n")

    def gets_ssh_key(self, key: Path) -> None:
        """Put a key where ssh looks for it."""
        (self.home / ".ssh").mkdir()
        for file in (key, key.with_suffix(".pub")):
            (self.home / ".ssh" / f"id_ed25519{file.suffix}").write_text(file.read_text())
        (self.home / ".ssh/id_ed25519").chmod(0o600)


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "lab")


@pytest.fixture
def mika(lab: Lab, tmp_path: Path) -> Person:
    return Person(lab, tmp_path / "home")


def by_hand(lab: Lab, *ssh_keys: str) -> Path:
    """Write the inventory as a person does, with a remark; gives its file."""
    lab.write(LAB)
    file = lab.directory / "hosts/inventory.yaml"
    data = json.loads(file.read_text())
    keys = ", ".join(json.dumps(key) for key in ssh_keys)
    del data["lab"]["admins"]
    sections = "\n".join(f"{name}: {json.dumps(part)}" for name, part in data.items() if name != "lab")
    rest = "\n  ".join(f"{key}: {json.dumps(value)}" for key, value in data["lab"].items())
    file.write_text(
        f"lab:\n  {rest}\n  admins:\n    - name: mika  # that is me\n      ssh_keys: [{keys}]\n{sections}\n"
    )
    return file


def test_who_has_an_admins_ssh_key_can_open_secrets_at_once(lab: Lab, mika: Person) -> None:
    mika.gets_ssh_key(lab.admin)

    assert mika.says("init") == [
        f"{mika.home}/.ssh/id_ed25519 opens the secrets, as a key of mika",
        "what is encrypted for mika was opened here",
    ]


def test_who_has_no_key_of_an_admin_is_told_how_to_get_one(mika: Person) -> None:
    assert mika.refusal("init") == (
        "hosts: what is encrypted for the admins of this lab is not opened by any key that sops finds here; "
        "`pyhomelab secret init --age` makes a key of age and puts it into the inventory; "
        "then an admin who can open the secrets runs `pyhomelab secret rekey`"
    )


def test_an_age_key_is_made_put_into_the_inventory_and_opens_secrets(lab: Lab, mika: Person) -> None:
    inventory = by_hand(lab, HARDWARE)
    before = inventory.read_text()

    lines = mika.says("init", "--age")

    recipient = subprocess.check_output(["age-keygen", "-y", str(mika.age_file)], text=True).strip()
    assert lines == [
        f"{recipient} was put into the inventory",
        f"{mika.age_file} opens the secrets, as a key of mika",
        "what is encrypted for mika was opened here",
    ]
    assert inventory.read_text() == before.replace(
        f'ssh_keys: ["{HARDWARE}"]\n', f'ssh_keys: ["{HARDWARE}"]\n      age_keys: [{recipient}]\n'
    )
    assert f"{mika.age_file.stat().st_mode:o}" == "100600"
    lab.install()
    mika.says("generate")
    assert mika.runs("get", "drbd-vmstore").stdout != ""


def test_an_age_key_that_is_there_is_taken_and_once_is_enough(lab: Lab, mika: Person) -> None:
    inventory = by_hand(lab, HARDWARE)
    mika.says("init", "--age")
    key, text = mika.age_file.read_text(), inventory.read_text()

    assert mika.says("init", "--age") == [
        f"{mika.age_file} opens the secrets, as a key of mika",
        "what is encrypted for mika was opened here",
    ]
    assert (mika.age_file.read_text(), inventory.read_text()) == (key, text)


def test_the_private_half_is_in_no_file_of_the_lab_and_not_shown(lab: Lab, mika: Person) -> None:
    by_hand(lab, HARDWARE)
    done = mika.runs("init", "--age")

    private = next(line for line in mika.age_file.read_text().splitlines() if line.startswith("AGE-SECRET-KEY-"))

    assert private not in done.stdout + done.stderr
    assert not [file for file in lab.directory.rglob("*") if file.is_file() and private in file.read_text()]


def test_where_there_are_secrets_a_new_key_opens_them_after_a_rekey_by_somebody_who_can(lab: Lab, mika: Person) -> None:
    by_hand(lab, public(lab.admin))
    lab.install()
    lab.says("generate")

    lines = mika.says("init", "--age", "--admin", "mika")

    assert lines[-1] == (
        "secrets: a new key of mika cannot read syncoid-dl1-ssh-key, drbd-vmstore, k3s-home-token and "
        "k3s-home-agent-token; `pyhomelab secret rekey` adds what is missing"
    )
    assert mika.runs("get", "drbd-vmstore").returncode == 3
    lab.says("rekey")
    assert [mika.runs("get", name).stdout for name in NAMES] == [lab.value(name) for name in NAMES]


def test_the_key_that_was_made_for_a_lab_opens_its_secrets_where_it_lies(mika: Person, tmp_path: Path) -> None:
    lab = tmp_path / "another"
    own = {"HOME": str(mika.home), "PATH": path_with_sops(), "PYTHONPATH": str(ROOT)}

    def runs(*words: str) -> str:
        argv = [sys.executable, "-m", "pyhomelab", *words]
        return subprocess.check_output(argv, text=True, cwd=lab if lab.exists() else tmp_path, env=own)

    runs("init", str(lab))

    assert runs("secret", "init").splitlines() == [
        f"{lab}/.pyhomelab/admin_ed25519 opens the secrets, as a key of admin",
        "what is encrypted for admin was opened here",
    ]
    runs("secret", "generate")
    assert runs("secret", "get", "ssh-host-host1").startswith("-----BEGIN OPENSSH PRIVATE KEY-----")


def test_with_several_admins_it_has_to_be_said_whose_key_it_is(lab: Lab, mika: Person) -> None:
    lab.write(LAB, make_key(lab.keys / "noa"))

    assert mika.refusal("init", "--age") == "lab.admins: it is not clear whose key it would be; --admin mika|noa"
    assert mika.refusal("init", "--age", "--admin", "nao") == "nao: is not an admin of the lab; did you mean noa?"
    assert not mika.age_file.exists()


def test_a_key_file_named_by_the_environment_is_used(lab: Lab, mika: Person, tmp_path: Path) -> None:
    by_hand(lab, HARDWARE)

    lines = mika.says("init", "--age", SOPS_AGE_KEY_FILE=str(tmp_path / "own/keys"))

    assert lines[1] == f"{tmp_path}/own/keys opens the secrets, as a key of mika"


def test_a_key_of_somebody_else_is_said_to_be_of_no_use(lab: Lab, mika: Person) -> None:
    mika.gets_ssh_key(lab.admin)
    mika.age_file.parent.mkdir(parents=True)
    subprocess.run(["age-keygen", "-o", str(mika.age_file)], check=True, capture_output=True)

    assert mika.says("init")[0] == f"{mika.age_file} is no key of an admin of the lab"


def test_scripts_are_told_the_same(lab: Lab, mika: Person) -> None:
    mika.gets_ssh_key(lab.admin)

    assert json.loads("\n".join(mika.says("init", "--json"))) == {
        "opens": True,
        "keys": [
            {
                "file": f"{mika.home}/.ssh/id_ed25519",
                "recipients": [" ".join(public(lab.admin).split()[:2])],
                "admins": ["mika"],
            }
        ],
        "added": None,
    }


def test_without_age_keygen_it_is_said_where_it_comes_from(lab: Lab, mika: Person) -> None:
    by_hand(lab, HARDWARE)

    done = mika.runs("init", "--age", PATH="/nonexistent")

    assert (done.returncode, done.stderr) == (
        1,
        "age-keygen is not on PATH; it makes and reads keys of age; `nix shell nixpkgs#age` has it, "
        "and Debian's package age\n",
    )


def test_a_key_without_the_remark_of_its_maker_is_read_by_age_keygen(lab: Lab, mika: Person) -> None:
    by_hand(lab, HARDWARE)
    mika.age_file.parent.mkdir(parents=True)
    subprocess.run(["age-keygen", "-o", str(mika.age_file)], check=True, capture_output=True)
    private = mika.age_file.read_text().splitlines()[-1]
    mika.age_file.write_text(f"{private}\n")
    recipient = subprocess.check_output(["age-keygen", "-y", str(mika.age_file)], text=True).strip()

    assert mika.says("init", "--age")[0] == f"{recipient} was put into the inventory"


def test_a_file_without_a_key_of_age_is_refused(lab: Lab, mika: Person) -> None:
    by_hand(lab, HARDWARE)
    mika.age_file.parent.mkdir(parents=True)
    mika.age_file.write_text("AGE-SECRET-KEY-1CANARY\n")

    said = mika.refusal("init", "--age")

    assert said == f"{mika.age_file}: holds no key of age that can be read; make one with age-keygen"
