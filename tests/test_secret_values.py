"""`pyhomelab secret set`, `get`, `rm` and `rekey`, as a person runs them, with the real sops."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from tests.labs import REMOVED
from tests.modules.sources import ROOT
from tests.secret_keys import make_key, needs_sops, opened, path_with_sops, public
from tests.secret_lab import LAB, NAMES, WEB, Lab

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_sops

OWN = LAB | {"secrets": {"backup": {"machines": ["dl1", "dl3"], "used_for": "the backup repository"}}}
ALONE = LAB | {
    "hosts.dl1.zfs.tank.datasets": {},
    "volumes": REMOVED,
    "secrets": {"mail": {"machines": ["dl1", "dl3"]}},
}
WITHOUT_AGENT = LAB | {"clusters.home.agents": []}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "lab")


@pytest.fixture
def full(lab: Lab) -> Lab:
    """A lab whose machines run, with all its secrets."""
    lab.install()
    lab.says("generate")
    return lab


# set


def test_a_value_is_kept_for_the_admins_and_exactly_the_machines_that_the_inventory_names(lab: Lab) -> None:
    keys = lab.install()
    lab.write(OWN)

    assert lab.says("set", "backup", stdin="a password\n") == [
        "written: hosts/secrets/backup.yaml",
        "Next: git add hosts/secrets; the machines that read it have it after the next deploy",
    ]
    file = lab.secrets / "backup.yaml"
    assert [machine for machine, key in keys.items() if opened(file, host=key) == "a password"] == ["dl1", "dl3"]
    assert opened(file, host=keys["dl2"]) is None
    assert lab.value("backup") == "a password"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("one\n", "one"),
        ("one\r\n", "one"),
        ("one", "one"),
        (" one ", " one "),
        ("one\ntwo\n", "one\ntwo\n"),
        ("\n\n", "\n\n"),
        ('value: "x" # ü\n', 'value: "x" # ü'),
    ],
)
def test_of_a_value_only_the_line_break_behind_a_single_line_is_taken_off(lab: Lab, typed: str, kept: str) -> None:
    lab.write(OWN)
    lab.says("set", "backup", stdin=typed)

    assert lab.value("backup") == kept
    assert lab.secret("get", "backup").stdout == kept


def test_a_value_of_ones_own_is_replaced_and_one_that_was_made_only_with_force(full: Lab) -> None:
    full.write(OWN)
    full.says("set", "backup", stdin="one")
    full.says("set", "backup", stdin="two")
    assert full.value("backup") == "two"

    assert full.refusal("set", "drbd-vmstore", stdin="mine") == (
        "hosts/secrets/drbd-vmstore.yaml: is there already; if it is in use, hosts that run with the old one and hosts "
        "that have the new one refuse each other; `pyhomelab secret set --force drbd-vmstore` replaces it"
    )
    full.says("set", "--force", "drbd-vmstore", stdin="mine")
    assert full.value("drbd-vmstore") == "mine"


def test_a_value_is_read_from_a_file(lab: Lab, tmp_path: Path) -> None:
    lab.write(OWN)
    (tmp_path / "certificate").write_text("-----BEGIN\nx\n")
    lab.says("set", "backup", "--file", str(tmp_path / "certificate"))

    assert lab.value("backup") == "-----BEGIN\nx\n"
    assert lab.refusal("set", "backup", "--file", "none") == "none: cannot be read: no such file or directory"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("backup", "", "backup: what was given is no own secret; it takes a text that is not empty"),
        ("backup", "\n", "backup: what was given is no own secret; it takes a text that is not empty"),
        ("backup", "canary\0", "backup: what was given is no own secret; it takes a text that is not empty"),
        ("backup", "canary\udcff", "stdin: is not UTF-8 text; encode it, as `base64` does"),
        (
            "drbd-vmstore",
            "canary" * 11,
            "drbd-vmstore: what was given is no passphrase; it takes at most 63 letters, digits and signs, but no "
            "spaces, quotes and backslashes",
        ),
        (
            "k3s-home-token",
            "canary two",
            "k3s-home-token: what was given is no k3s token; it takes letters, digits and signs without spaces",
        ),
        (
            "ssh-host-dl1",
            "canary",
            "ssh-host-dl1: what was given is no private key that can be used; it takes an ssh-ed25519 key without a "
            "passphrase, such as /etc/ssh/ssh_host_ed25519_key",
        ),
        ("canary", "x", "canary: is not a secret that the lab needs; there are backup, drbd-vmstore, "),
    ],
)
def test_what_its_readers_could_not_use_is_refused_and_not_shown(lab: Lab, name: str, value: str, reason: str) -> None:
    lab.write(OWN)

    said = lab.refusal("set", name, stdin=value)

    assert said.startswith(reason)
    assert "canary" not in said.removeprefix(reason)
    assert lab.files() == {} if lab.secrets.exists() else True


def test_more_than_a_secret_can_hold_is_refused(lab: Lab) -> None:
    lab.write(OWN)

    assert lab.refusal("set", "backup", stdin="x" * (1 << 20) + "x") == "stdin: is larger than a secret can be, 1 MiB"


def test_the_host_key_of_a_machine_that_runs_is_kept_for_when_it_is_installed_anew(lab: Lab, tmp_path: Path) -> None:
    key = make_key(tmp_path / "dl1")

    lab.says("set", "ssh-host-dl1", "--file", str(key))

    assert lab.value("ssh-host-dl1") == key.read_text()
    assert (lab.secrets / "hosts/dl1.pub").read_text().split()[1] == public(key).split()[1]


def test_a_host_key_of_another_type_or_with_a_passphrase_is_refused(lab: Lab, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "a passphrase", "-f", str(locked)], check=True)
    reason = (
        "ssh-host-dl1: what was given is no private key that can be used; it takes an ssh-ed25519 key without a "
        "passphrase, such as /etc/ssh/ssh_host_ed25519_key"
    )

    assert lab.refusal("set", "ssh-host-dl1", "--file", str(make_key(tmp_path / "rsa", "rsa"))) == reason
    assert lab.refusal("set", "ssh-host-dl1", "--file", str(locked)) == reason


def test_on_a_terminal_the_value_is_asked_for_twice_and_not_shown(lab: Lab) -> None:
    lab.write(OWN)

    shown = typed(lab, "set", "backup", answers={"backup: ": "canary-77", "Repeat for confirmation: ": "canary-77"})

    assert shown.splitlines() == [
        "backup: ",
        "Repeat for confirmation: ",
        "written: hosts/secrets/backup.yaml",
        "no host key of dl1 and dl3 is known, so no secret can be for them; copy /etc/ssh/ssh_host_ed25519_key.pub of "
        "one that runs to hosts/secrets/hosts/<machine>.pub; `pyhomelab secret generate` makes a key for one that is not "
        "installed yet",
        "Next: git add hosts/secrets; the machines that read it have it after the next deploy",
    ]
    assert lab.value("backup") == "canary-77"


def typed(lab: Lab, *arguments: str, answers: dict[str, str], **keys: str) -> str:
    """Run `pyhomelab secret` on a terminal and answer its questions; gives what the terminal showed."""
    ours, theirs = pty.openpty()
    environment = {"PATH": path_with_sops(), "PYTHONPATH": str(ROOT)}
    argv = ["setsid", "--ctty", "--wait", sys.executable, "-m", "pyhomelab", "secret", *arguments]
    shown, left = b"", dict(answers)
    with subprocess.Popen(
        argv, stdin=theirs, stdout=theirs, stderr=theirs, cwd=lab.directory, env=environment | keys
    ) as process:
        os.close(theirs)
        while select.select([ours], [], [], 60)[0]:
            try:
                shown += os.read(ours, 4096)
            except OSError:  # the terminal is gone with its last user
                break
            for question in [question for question in left if shown.endswith(question.encode())]:
                time.sleep(0.2)  # until it has stopped to echo what is typed
                os.write(ours, f"{left.pop(question)}\n".encode())
        process.kill()
    os.close(ours)
    return shown.decode()


# get


def test_get_prints_the_value_and_nothing_else(full: Lab) -> None:
    done = full.secret("get", "k3s-home-token")

    assert (done.returncode, done.stdout, done.stderr) == (0, full.value("k3s-home-token"), "")
    assert full.secret("get", "syncoid-dl1-ssh-key").stdout == full.value("syncoid-dl1-ssh-key")


def test_get_of_what_is_not_there_says_how_it_is_made(lab: Lab) -> None:
    lab.write(OWN)

    assert lab.refusal("get", "drbd-vmstore") == (
        "hosts/secrets/drbd-vmstore.yaml: is not there (the password between the hosts of the DRBD volume vmstore); "
        "`pyhomelab secret generate drbd-vmstore` makes it"
    )
    assert lab.refusal("get", "backup") == (
        "hosts/secrets/backup.yaml: is not there (the backup repository); `pyhomelab secret set backup` makes it"
    )


def test_get_without_a_key_of_an_admin_is_refused(full: Lab) -> None:
    stranger = make_key(full.keys / "stranger")

    assert full.refusal("get", "k3s-home-token", SOPS_AGE_SSH_PRIVATE_KEY_FILE=str(stranger)) == (
        "hosts/secrets/k3s-home-token.yaml: is not opened by any key that sops finds here; it takes an admin's "
        "~/.config/sops/age/keys.txt, ~/.ssh/id_ed25519 or ~/.ssh/id_rsa, or a file that SOPS_AGE_KEY_FILE or "
        "SOPS_AGE_SSH_PRIVATE_KEY_FILE names"
    )


def test_what_lies_there_in_the_open_is_not_taken_for_a_secret(full: Lab) -> None:
    (full.secrets / "drbd-vmstore.yaml").write_text("value: canary\n")

    assert full.refusal("get", "drbd-vmstore") == (
        "hosts/secrets/drbd-vmstore.yaml: is not encrypted by sops; count its value as known"
    )


def test_a_secret_of_ones_own_is_made_from_random_numbers_when_it_is_named(lab: Lab) -> None:
    lab.install()
    lab.write(OWN)
    lab.says("generate")
    assert "backup.yaml" not in lab.files()

    lab.says("generate", "backup")

    assert re.fullmatch("[0-9a-f]{64}", lab.value("backup"))


def test_the_passphrase_of_an_admins_key_is_asked_for_on_the_terminal(full: Lab, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    key = home / ".ssh/id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "a passphrase", "-f", str(key)], check=True)
    people = [{"name": "mika", "ssh_keys": [public(full.admin), public(key)]}]
    full.write(LAB | {"lab.admins": people})
    full.says("rekey")

    shown = typed(full, "get", "drbd-vmstore", answers={f'"{key}": ': "a passphrase"}, HOME=str(home))

    assert f'Enter passphrase for "{key}": ' in shown
    assert full.value("drbd-vmstore") in shown
    assert "a passphrase" not in shown


# rm


def test_what_the_lab_needs_no_more_is_listed_and_removed(full: Lab) -> None:
    full.write(OWN)
    full.says("set", "backup", stdin="x")
    full.write(LAB)

    assert full.remarks() == [
        "backup is in hosts/secrets, and not needed any more; `pyhomelab secret rm backup` removes what is there"
    ]
    assert full.secret("get", "backup").stdout == "x"
    assert full.says("rm", "backup") == ["removed: hosts/secrets/backup.yaml"]
    assert full.remarks() == []


def test_both_halves_of_the_host_key_of_a_machine_that_left_are_removed(lab: Lab) -> None:
    lab.write(LAB | {"guests": {"web": WEB}})
    lab.says("generate")
    lab.write(LAB)

    assert lab.remarks() == [
        "ssh-host-web is in hosts/secrets, and not needed any more; "
        "`pyhomelab secret rm ssh-host-web` removes what is there"
    ]
    assert lab.says("rm", "ssh-host-web") == [
        "removed: hosts/secrets/ssh-host-web.yaml",
        "removed: hosts/secrets/hosts/web.pub",
    ]
    assert lab.remarks() == []


def test_what_the_lab_needs_is_removed_only_with_force(full: Lab) -> None:
    before = full.files()

    assert full.refusal("rm", "drbd-vmstore") == (
        "drbd-vmstore: is needed: the password between the hosts of the DRBD volume vmstore; "
        "--force removes it all the same"
    )
    assert full.files() == before
    assert full.says("rm", "--force", "syncoid-dl1-ssh-key") == [
        "removed: hosts/secrets/syncoid-dl1-ssh-key.yaml",
        "removed: hosts/secrets/syncoid-dl1.pub",
    ]


def test_a_machine_stays_pinned_when_the_private_half_that_was_made_for_it_is_removed(lab: Lab) -> None:
    lab.says("generate", "ssh-host-dl1")

    assert lab.says("rm", "--force", "ssh-host-dl1") == ["removed: hosts/secrets/ssh-host-dl1.yaml"]
    assert list(lab.files()) == ["hosts/dl1.pub"]


def test_what_is_not_there_is_not_removed_and_nothing_else_is(full: Lab) -> None:
    full.says("rm", "--force", "drbd-vmstore")
    before = full.files()

    assert full.refusal("rm", "--force", "k3s-home-token", "drbd-vmstore") == (
        "hosts/secrets/drbd-vmstore.yaml: is not there"
    )
    assert full.files() == before


# rekey


def test_rekey_changes_nothing_when_every_secret_is_for_those_who_are_to_read_it(full: Lab) -> None:
    before = full.files()

    assert full.says("rekey") == ["every secret is for those who are to read it"]
    assert full.files() == before


def test_a_new_admin_reads_everything_after_a_rekey(full: Lab) -> None:
    noa, values = make_key(full.keys / "noa"), {name: full.value(name) for name in NAMES}
    full.write(LAB, noa)

    assert full.says("rekey") == [*(f"{name}: noa added" for name in NAMES), "Next: git add hosts/secrets"]
    assert {name: opened(full.secrets / f"{name}.yaml", admin=noa) for name in NAMES} == values
    assert full.remarks() == []


def test_a_machine_that_reads_a_secret_no_more_is_taken_out_and_it_is_said_what_it_knows(full: Lab) -> None:
    before, value = full.files(), full.value("k3s-home-agent-token")
    full.write(WITHOUT_AGENT)

    assert full.remarks() == [
        "dl2 can read k3s-home-agent-token without need; `pyhomelab secret rekey` keeps later values from them"
    ]
    assert full.says("rekey") == [
        "k3s-home-agent-token: dl2 removed",
        "dl2 may know the value of k3s-home-agent-token still; "
        "`pyhomelab secret generate --force k3s-home-agent-token` makes another",
        "Next: git add hosts/secrets",
    ]
    after = full.files()
    assert [name for name in before if before[name] != after[name]] == ["k3s-home-agent-token.yaml"]
    assert opened(full.secrets / "k3s-home-agent-token.yaml", host=full.keys / "dl2") is None
    assert full.value("k3s-home-agent-token") == value


def test_who_kept_the_old_data_key_cannot_open_what_was_rekeyed(full: Lab) -> None:
    before = data(full, "k3s-home-agent-token")
    full.write(WITHOUT_AGENT)
    full.says("rekey")

    # the value is encrypted with the data key: with the old one it would be the same initialisation and tag no more
    after = data(full, "k3s-home-agent-token")
    assert before["value"] != after["value"]
    spliced = full.secrets / "spliced.yaml"
    spliced.write_text(json.dumps({**after, "sops": {**after["sops"], "age": before["sops"]["age"]}}))
    environment = {"PATH": path_with_sops(), "SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(full.admin), "HOME": "/nonexistent"}
    done = subprocess.run(
        ["sops", "decrypt", str(spliced)], capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode != 0
    assert "authentication failed" in done.stderr


def data(lab: Lab, name: str) -> dict[str, Any]:
    """A file of sops as plain data."""
    loaded: dict[str, Any] = YAML(typ="safe").load((lab.secrets / f"{name}.yaml").read_text())
    return loaded


def test_a_machine_with_another_host_key_reads_its_secrets_after_a_rekey(full: Lab) -> None:
    (full.keys / "dl1").unlink()
    (full.keys / "dl1.pub").unlink()
    new = full.host_key("dl1")

    lines = full.says("rekey", "k3s-home-token")

    assert lines[0].startswith("k3s-home-token: dl1 added, age1")
    assert opened(full.secrets / "k3s-home-token.yaml", host=new) == full.value("k3s-home-token")


def test_a_rekey_tells_scripts_what_it_did(full: Lab) -> None:
    full.write(WITHOUT_AGENT)

    assert json.loads("\n".join(full.says("rekey", "--json"))) == {
        "rekeyed": [{"secret": "k3s-home-agent-token", "added": [], "removed": ["dl2"]}]
    }


def test_a_rekey_that_cannot_open_one_secret_changes_none(full: Lab) -> None:
    noa = make_key(full.keys / "noa")
    full.write(LAB, noa)
    text = (full.secrets / "k3s-home-token.yaml").read_text()
    (full.secrets / "k3s-home-token.yaml").write_text(
        text.replace("value: ENC[AES256_GCM,data:", "value: ENC[AES256_GCM,data:AAAA")
    )
    before = full.files()

    done = full.secret("rekey")

    assert done.returncode != 0
    assert full.files() == before


def test_only_an_admin_can_rekey(full: Lab) -> None:
    noa = make_key(full.keys / "noa")
    full.write(LAB, noa)
    before = full.files()

    assert full.refusal("rekey", SOPS_AGE_SSH_PRIVATE_KEY_FILE=str(noa)).startswith(
        "hosts/secrets/syncoid-dl1-ssh-key.yaml: is not opened by any key that sops finds here; "
    )
    assert full.files() == before


def test_what_somebody_put_beside_a_value_is_not_lost_by_a_rekey(full: Lab) -> None:
    file = full.secrets / "drbd-vmstore.yaml"
    argv = ["sops", "set", str(file), '["other"]', '"kept"']
    environment = {"PATH": path_with_sops(), "SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(full.admin), "HOME": "/nonexistent"}
    subprocess.run(argv, env=environment, check=True)
    full.write(LAB, make_key(full.keys / "noa"))
    before = full.files()

    assert full.refusal("rekey") == (
        "hosts/secrets/drbd-vmstore.yaml: holds more than `value`, which would be lost; "
        "move the rest to a file of its own, with `sops edit`"
    )
    assert full.files() == before


def test_rekey_of_what_is_not_there_says_how_it_is_made(lab: Lab) -> None:
    assert lab.refusal("rekey", "drbd-vmstore") == (
        "hosts/secrets/drbd-vmstore.yaml: is not there; `pyhomelab secret generate drbd-vmstore` makes it"
    )


def test_a_machine_that_retires_takes_its_key_and_its_part_in_the_secrets_with_it(lab: Lab) -> None:
    own = {"own": {"machines": ["web"]}, "shared": {"machines": ["dl1", "web"]}}
    lab.write(LAB | {"guests": {"web": WEB}, "secrets": own})
    lab.says("generate")
    for name in own:
        lab.says("set", name, stdin="x")

    done = lab.run("retire", "web", "--yes", "web")

    assert (done.returncode, done.stderr) == (0, "")
    assert [name for name in lab.files() if "web" in name or "own" in name] == []
    assert lab.says("rekey", "shared") == ["every secret is for those who are to read it"]
    assert opened(lab.secrets / "shared.yaml", admin=lab.admin) == "x"


def test_what_a_machine_shared_is_closed_to_it_when_it_retires(lab: Lab) -> None:
    lab.write(ALONE)
    keys = lab.install()
    lab.says("set", "mail", stdin="hunter2\n")
    assert opened(lab.secrets / "mail.yaml", host=keys["dl3"]) == "hunter2"

    done = lab.run("retire", "dl3", "--yes", "dl3", "--offline")

    assert (done.returncode, done.stderr) == (0, "")
    assert "  pyhomelab secret generate --force mail, if dl3 may not know them any more (it read them)" in done.stdout
    assert opened(lab.secrets / "mail.yaml", host=keys["dl1"]) == "hunter2"
    assert opened(lab.secrets / "mail.yaml", host=keys["dl3"]) is None


def test_what_cannot_be_rekeyed_when_a_machine_retires_is_left_with_the_command_that_does(lab: Lab) -> None:
    lab.write(ALONE)
    lab.install()
    lab.says("set", "mail", stdin="hunter2\n")

    done = lab.run("retire", "dl3", "--yes", "dl3", "--offline", SOPS_AGE_SSH_PRIVATE_KEY_FILE="/nonexistent")

    assert done.returncode == 0
    assert done.stderr.startswith("mail could not be rekeyed: ")
    assert done.stderr.endswith("\n`pyhomelab secret rekey` does it\n")
