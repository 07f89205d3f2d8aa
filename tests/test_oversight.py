"""What `check`, `gen` and `plan` say of the secrets, without opening one."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from pyhomelab.inventory.load import load
from pyhomelab.secrets.oversight import review
from tests.secret_keys import make_key, needs_sops, public
from tests.secret_lab import LAB, NAMES, WEB, Lab

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_sops

WITHOUT_AGENT = LAB | {"clusters.home.agents": []}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    made = Lab(tmp_path / "lab")
    made.install()
    made.says("generate")
    return made


def checked(lab: Lab, code: int = 0) -> list[str]:
    """What `check` says of secrets, with the reason of its exit code."""
    done = lab.run("check", PATH="/nonexistent")
    assert done.returncode == code
    return [line for line in (done.stdout + done.stderr).splitlines() if "secret" in line]


def test_a_lab_whose_secrets_are_as_the_inventory_says_is_not_remarked_on(lab: Lab) -> None:
    assert checked(lab) == []


def test_a_new_lab_passes_and_is_told_what_is_missing(tmp_path: Path) -> None:
    assert checked(Lab(tmp_path / "new")) == [
        "secrets: syncoid-dl1-ssh-key, drbd-vmstore, k3s-home-token and k3s-home-agent-token are missing; "
        "`pyhomelab secret generate` makes them",
        "secrets: no host key of dl1, dl2 and dl3 is known, so no secret can be for them; copy "
        "/etc/ssh/ssh_host_ed25519_key.pub of one that runs to hosts/secrets/hosts/<machine>.pub; "
        "`pyhomelab secret generate` makes a key for one that is not installed yet",
    ]


def test_a_value_of_the_owners_that_is_missing_is_said_with_the_command_that_takes_it(lab: Lab) -> None:
    lab.write(LAB | {"secrets": {"backup": {"machines": ["dl1"]}}})

    assert checked(lab) == ["secrets: backup is missing; `pyhomelab secret set backup` takes the value"]
    assert lab.says("generate") == [
        "backup is missing; `pyhomelab secret set backup` takes the value",
        "every secret that can be made is there",
    ]


def test_what_a_machine_can_read_without_need_fails_the_check(lab: Lab) -> None:
    lab.write(WITHOUT_AGENT)

    assert checked(lab, 1) == [
        "secrets: dl2 can read k3s-home-agent-token without need; "
        "`pyhomelab secret rekey` keeps later values from them",
        "1 secret not as the inventory says; `pyhomelab secret rekey` mends those that are shared wrongly",
    ]
    lab.says("rekey")
    assert checked(lab) == []


def test_a_machine_that_left_is_named_while_its_key_lies_there_and_then_called_by_the_key(lab: Lab) -> None:
    lab.install("web")
    lab.write(LAB | {"guests": {"web": WEB}, "secrets": {"backup": {"machines": ["dl1", "web"]}}})
    lab.says("set", "backup", stdin="x")
    recipient = next(key for key in recipients(lab, "backup") if key not in recipients(lab, "k3s-home-agent-token"))
    lab.write(LAB | {"secrets": {"backup": {"machines": ["dl1"]}}})

    assert checked(lab, 1)[:2] == [
        "secrets: web can read backup without need; `pyhomelab secret rekey` keeps later values from them",
        "secrets: ssh-host-web is in hosts/secrets, and not needed any more; "
        "`pyhomelab secret rm ssh-host-web` removes what is there",
    ]
    lab.says("rm", "ssh-host-web")
    assert checked(lab, 1)[0].startswith(f"secrets: {recipient[:24]}… can read backup without need; ")


def recipients(lab: Lab, name: str) -> list[str]:
    """For whom a secret is encrypted."""
    text = (lab.secrets / f"{name}.yaml").read_text()
    return [line.split("recipient: ")[1] for line in text.splitlines() if "recipient: " in line]


def test_who_cannot_read_what_they_should_fails_the_check(lab: Lab) -> None:
    lab.write(LAB, make_key(lab.keys / "noa"))

    assert checked(lab, 1) == [
        "secrets: noa cannot read syncoid-dl1-ssh-key, drbd-vmstore, k3s-home-token and k3s-home-agent-token; "
        "`pyhomelab secret rekey` adds what is missing",
        "4 secrets not as the inventory says; `pyhomelab secret rekey` mends those that are shared wrongly",
    ]


def test_a_further_key_of_an_admin_is_called_a_new_one(lab: Lab) -> None:
    people = [{"name": "mika", "ssh_keys": [public(lab.admin), public(make_key(lab.keys / "second"))]}]
    lab.write(LAB | {"lab.admins": people})

    assert checked(lab, 1)[0].startswith("secrets: a new key of mika cannot read syncoid-dl1-ssh-key, ")


def test_a_secret_in_the_open_fails_the_check_and_is_not_shown(lab: Lab) -> None:
    (lab.secrets / "drbd-vmstore.yaml").write_text("value: canary\n")

    assert checked(lab, 1) == [
        "secrets: hosts/secrets/drbd-vmstore.yaml is not encrypted by sops; count its value as known, and make another "
        "with `pyhomelab secret generate --force drbd-vmstore`",
        "1 secret not as the inventory says; `pyhomelab secret rekey` mends those that are shared wrongly",
    ]


def test_scripts_are_told_the_same(lab: Lab) -> None:
    lab.write(WITHOUT_AGENT)

    done = lab.run("check", "--json")

    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"]) == (1, False)
    assert told["secrets"] == [
        {
            "kind": "too widely shared",
            "about": ["k3s-home-agent-token"],
            "what": "dl2 can read k3s-home-agent-token without need",
            "way_out": "`pyhomelab secret rekey` keeps later values from them",
            "is_mistake": True,
        }
    ]
    assert json.loads("\n".join(lab.says("list", "--json")))["findings"] == told["secrets"]


def test_gen_says_that_a_rekey_is_due_and_nothing_when_it_is_not(lab: Lab) -> None:
    assert "secret" not in lab.run("gen").stdout

    lab.write(WITHOUT_AGENT)

    done = lab.run("gen")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        "secrets: dl2 can read k3s-home-agent-token without need; "
        "`pyhomelab secret rekey` keeps later values from them",
    )


def test_a_host_that_was_added_gets_its_key_and_then_its_share_by_a_rekey(lab: Lab) -> None:
    (lab.secrets / "hosts/dl3.pub").unlink()
    lab.says("rekey")

    lines = lab.says("generate")

    assert lines[0] == "written: hosts/secrets/ssh-host-dl3.yaml"
    assert "dl3 cannot read drbd-vmstore; `pyhomelab secret rekey` adds what is missing" in lines
    assert lab.says("rekey") == ["drbd-vmstore: dl3 added", "Next: git add hosts/secrets"]
    assert checked(lab) == []


def test_hundreds_of_secrets_are_judged_in_a_moment(lab: Lab) -> None:
    own = {f"own-{number}": {"machines": ["dl1", "dl2", "dl3"]} for number in range(200)}
    lab.write(LAB | {"secrets": own})
    text = (lab.secrets / "drbd-vmstore.yaml").read_text()
    for name in own:
        (lab.secrets / f"{name}.yaml").write_text(text)
    inventory = load(lab.directory / "hosts")

    began = time.process_time()
    found = review(inventory, lab.secrets)

    assert found == []
    assert time.process_time() - began < 2
    assert len(NAMES) + len(own) == len(list(lab.secrets.glob("*.yaml")))
