"""`pyhomelab secret list` and `generate`, as a person runs them, with the real sops."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.labs import REMOVED
from tests.modules.sources import ROOT
from tests.secret_keys import make_key, needs_sops, opened, path_with_sops, public
from tests.secret_lab import LAB, NAMES, Lab

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_sops


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "lab")


def test_a_new_lab_lists_what_it_needs_as_missing(lab: Lab) -> None:
    lab.install()

    heading, _, *rows = (" ".join(line.split()) for line in lab.says("list"))
    assert heading == "secret for machines state"
    assert rows == [
        "syncoid-dl1-ssh-key sending snapshots to dl3 dl1 missing",
        "drbd-vmstore the password between the hosts of the DRBD volume vmstore dl1, dl2, dl3 missing",
        "k3s-home-token servers of the k3s cluster home know each other by it dl1 missing",
        "k3s-home-agent-token agents join the k3s cluster home with it dl1, dl2 missing",
        "syncoid-dl1-ssh-key, drbd-vmstore, k3s-home-token and k3s-home-agent-token are missing; "
        "`pyhomelab secret generate` makes them",
    ]


def test_a_lab_that_needs_no_secret_says_so(lab: Lab) -> None:
    lab.install()
    lab.write({"guests": REMOVED, "clusters": REMOVED, "volumes": REMOVED})

    assert lab.says("list") == ["the lab needs no secret"]
    assert lab.says("generate") == ["every secret that can be made is there"]


def test_generate_makes_all_that_is_missing(lab: Lab) -> None:
    lab.install()

    assert lab.says("generate") == [
        "written: hosts/secrets/syncoid-dl1-ssh-key.yaml",
        "written: hosts/secrets/syncoid-dl1.pub",
        *(f"written: hosts/secrets/{name}.yaml" for name in NAMES[1:]),
        "Next: git add hosts/secrets",
    ]
    assert lab.says("generate") == ["every secret that can be made is there"]
    assert re.fullmatch("[0-9a-f]{64}", lab.value("k3s-home-token"))
    assert lab.remarks() == []


def test_a_secret_is_opened_by_exactly_the_machines_that_need_it(lab: Lab) -> None:
    keys = lab.install()
    lab.says("generate")

    readers = {
        name: [host for host, key in keys.items() if opened(lab.secrets / f"{name}.yaml", host=key)] for name in NAMES
    }

    assert readers == {
        "syncoid-dl1-ssh-key": ["dl1"],
        "drbd-vmstore": ["dl1", "dl2", "dl3"],
        "k3s-home-token": ["dl1"],
        "k3s-home-agent-token": ["dl1", "dl2"],
    }


def test_every_admin_opens_every_secret(lab: Lab) -> None:
    noa = make_key(lab.keys / "noa", "rsa")
    lab.write(LAB, noa)
    lab.says("generate")

    for name in NAMES:
        assert opened(lab.secrets / f"{name}.yaml", admin=noa) == lab.value(name)


def test_the_public_half_of_a_key_pair_lies_beside_the_private_one(lab: Lab, tmp_path: Path) -> None:
    lab.says("generate", "syncoid-dl1-ssh-key")
    private = tmp_path / "private"
    private.touch(0o600)
    private.write_text(lab.value("syncoid-dl1-ssh-key"))

    public_half = subprocess.check_output(["ssh-keygen", "-y", "-f", str(private)], text=True)

    assert (lab.secrets / "syncoid-dl1.pub").read_text() == public_half
    assert public_half.split()[::2] == ["ssh-ed25519", "syncoid-dl1"]


def test_whoever_builds_the_lab_may_read_the_files_whatever_the_umask(lab: Lab) -> None:
    before = os.umask(0o077)
    try:
        lab.says("generate")
    finally:
        os.umask(before)

    assert {f"{path.stat().st_mode:o}" for path in (lab.secrets, *lab.secrets.rglob("*"))} == {"100644", "40755"}
    assert len(lab.files()) == len(NAMES) + 1 + 6


def test_only_the_named_secrets_are_made(lab: Lab) -> None:
    lab.says("generate", "drbd-vmstore", "k3s-home-token", "drbd-vmstore")

    assert sorted(lab.files()) == ["drbd-vmstore.yaml", "k3s-home-token.yaml"]


def test_a_misspelt_name_gets_the_one_that_was_meant(lab: Lab) -> None:
    assert lab.refusal("generate", "drbd-vmstor") == (
        "drbd-vmstor: is not a secret that the lab needs; did you mean drbd-vmstore?"
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("drbd-vmstore", "hosts that run with the old one and hosts that have the new one refuse each other"),
        (
            "k3s-home-token",
            "a running cluster is encrypted with the old one, and its servers do not start with another",
        ),
    ],
)
def test_a_secret_that_is_there_is_not_replaced_and_the_reason_is_said(lab: Lab, name: str, reason: str) -> None:
    lab.says("generate")
    before = lab.files()

    assert lab.refusal("generate", name) == (
        f"hosts/secrets/{name}.yaml: is there already; if it is in use, {reason}; "
        f"`pyhomelab secret generate --force {name}` replaces it"
    )
    assert lab.files() == before


def test_a_public_key_whose_private_half_is_elsewhere_is_not_replaced(lab: Lab) -> None:
    lab.secrets.mkdir()
    (lab.secrets / "syncoid-dl1.pub").write_text("ssh-ed25519 AAAA of another key\n")

    assert lab.refusal("generate") == (
        "hosts/secrets/syncoid-dl1.pub: is there already; if it is in use, replication stops until the sender and its "
        "receivers all have the new one; `pyhomelab secret generate --force syncoid-dl1-ssh-key` replaces it"
    )
    assert list(lab.files()) == ["syncoid-dl1.pub"]


def test_force_replaces_the_named_secret_and_no_other(lab: Lab) -> None:
    lab.says("generate")
    before, old = lab.files(), lab.value("drbd-vmstore")

    lab.says("generate", "--force", "drbd-vmstore")

    assert lab.value("drbd-vmstore") != old
    assert [name for name, text in lab.files().items() if before[name] != text] == ["drbd-vmstore.yaml"]


def test_force_needs_names_for_it_would_replace_everything(lab: Lab) -> None:
    done = lab.secret("generate", "--force")

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "Error: --force needs the names of the secrets to replace"


def test_machines_whose_host_key_is_not_known_are_left_out_and_named(lab: Lab) -> None:
    lab.host_key("dl1")

    remark = (
        "no host key of dl2 and dl3 is known, so no secret can be for them; copy /etc/ssh/ssh_host_ed25519_key.pub of "
        "one that runs to hosts/secrets/hosts/<machine>.pub; `pyhomelab secret generate` makes a key for one that is not "
        "installed yet"
    )
    assert lab.says("generate", "drbd-vmstore")[1] == remark
    assert lab.remarks() == [
        "syncoid-dl1-ssh-key, k3s-home-token and k3s-home-agent-token are missing; `pyhomelab secret generate` makes them",
        remark,
    ]
    assert lab.state("drbd-vmstore") == {
        "name": "drbd-vmstore",
        "used_for": "the password between the hosts of the DRBD volume vmstore",
        "kind": "passphrase",
        "hosts": ["dl1", "dl2", "dl3"],
        "file": "hosts/secrets/drbd-vmstore.yaml",
        "is_there": True,
        "is_encrypted": True,
        "can_read": ["mika", "dl1"],
        "cannot_read": ["dl2", "dl3"],
    }


def test_generate_tells_scripts_what_it_wrote_and_whom_it_left_out(lab: Lab) -> None:
    assert json.loads("\n".join(lab.says("generate", "k3s-home-agent-token", "--json"))) == {
        "written": ["hosts/secrets/k3s-home-agent-token.yaml"],
        "left_out": {"dl1": ["k3s-home-agent-token"], "dl2": ["k3s-home-agent-token"]},
    }


def test_a_secret_that_lies_there_in_the_open_is_reported(lab: Lab) -> None:
    lab.secrets.mkdir()
    (lab.secrets / "drbd-vmstore.yaml").write_text("value: in the open\n")

    assert lab.state("drbd-vmstore")["is_encrypted"] is False
    assert lab.remarks()[0] == (
        "hosts/secrets/drbd-vmstore.yaml is not encrypted by sops; count its value as known, and make another with "
        "`pyhomelab secret generate --force drbd-vmstore`"
    )


def test_a_public_half_that_is_gone_is_reported(lab: Lab) -> None:
    lab.says("generate", "syncoid-dl1-ssh-key")
    (lab.secrets / "syncoid-dl1.pub").unlink()

    assert lab.remarks()[-1] == (
        "hosts/secrets/syncoid-dl1.pub is gone; `pyhomelab secret generate --force syncoid-dl1-ssh-key` makes a new pair"
    )


def test_an_admin_with_a_hardware_key_alone_is_said_to_be_left_out(lab: Lab) -> None:
    key = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t"
    admins = [{"name": "mika", "ssh_keys": [public(lab.admin)]}, {"name": "noa", "ssh_keys": [key]}]
    lab.write(LAB | {"lab.admins": admins})

    assert lab.says("generate", "drbd-vmstore")[1] == (
        "noa can read no secret: age takes none of the keys; "
        "add an ssh-ed25519 or ssh-rsa key, or an age key (`pyhomelab secret init --age` makes one)"
    )


def test_secrets_that_no_admin_could_read_are_not_made(lab: Lab) -> None:
    key = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t"
    lab.write(LAB | {"lab.admins": [{"name": "noa", "ssh_keys": [key]}]})
    lab.host_key("dl1")

    assert lab.refusal("generate") == (
        "lab.admins: no admin has a key that secrets can be encrypted for (noa); "
        "`pyhomelab secret init --age` makes an age key; ssh-ed25519 and ssh-rsa keys do, too"
    )
    assert list(lab.files()) == ["hosts/dl1.pub"]


def test_a_host_key_of_another_type_is_refused(lab: Lab) -> None:
    lab.host_key("dl1")
    (lab.secrets / "hosts/dl1.pub").write_text("ssh-rsa AAAA\n")

    assert lab.refusal("list") == (
        "hosts/secrets/hosts/dl1.pub: is not one line with an ssh-ed25519 public key; "
        "copy /etc/ssh/ssh_host_ed25519_key.pub of dl1 there"
    )


def test_nothing_is_written_when_one_of_several_cannot_be_encrypted(lab: Lab, tmp_path: Path) -> None:
    path = wrapped(tmp_path / "bin", "sops", 'case "$*" in *drbd*) echo broken >&2; exit 1;; esac')

    done = lab.secret("generate", PATH=path)

    assert (done.returncode, done.stderr) == (
        1, "encrypting drbd-vmstore with sops (3.10 or newer) failed (exit 1)\nbroken\n"
    )  # fmt: skip
    assert not lab.secrets.exists()


def test_a_secret_that_appears_in_the_meantime_is_not_replaced(lab: Lab, tmp_path: Path) -> None:
    file = lab.secrets / "drbd-vmstore.yaml"
    path = wrapped(tmp_path / "bin", "sops", f"mkdir -p {lab.secrets}; echo of another run > {file}")

    assert lab.refusal("generate", "drbd-vmstore", PATH=path) == (
        "hosts/secrets/drbd-vmstore.yaml: cannot be written: file exists"
    )
    assert lab.files() == {"drbd-vmstore.yaml": "of another run\n"}


def test_a_file_in_the_place_of_the_directory_is_refused(lab: Lab) -> None:
    lab.secrets.touch()

    assert lab.refusal("list") == "hosts/secrets/hosts/dl1.pub: cannot be read: not a directory"


def test_two_runs_at_once_do_not_write_into_one_lab(lab: Lab) -> None:
    descriptor = os.open(lab.directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert lab.refusal("generate") == f"{lab.directory}: is being written by another pyhomelab; wait for it to end"
    finally:
        os.close(descriptor)
    assert not lab.secrets.exists()


def test_secrets_lie_beside_an_inventory_of_one_file_too(lab: Lab) -> None:
    assert lab.says("generate", "--inventory", "hosts/inventory.yaml", "drbd-vmstore")[0] == (
        "written: hosts/secrets/drbd-vmstore.yaml"
    )


def wrapped(directory: Path, program: str, around: str) -> str:
    """Put a program into `directory` that does `around` before and after the real one; gives PATH with it."""
    directory.mkdir(exist_ok=True)
    real = shutil.which(program, path=path_with_sops())
    file = directory / program
    file.write_text(f'#!/bin/sh\nat=before\n{around}\n{real} "$@"\ncode=$?\nat=after\n{around}\nexit $code\n')
    file.chmod(0o755)
    return f"{directory}:{path_with_sops()}"


def test_no_secret_is_in_an_argument_the_environment_a_file_or_a_message(lab: Lab, tmp_path: Path) -> None:
    record, temporary = tmp_path / "record", tmp_path / "temporary"
    record.mkdir()
    temporary.mkdir()
    lab.install("dl2", "dl3")
    around = f"""
        here={record}/$$.$at
        mkdir $here
        cp -r {temporary} {lab.directory} $here
        env > $here/environment
        printf '%s\\n' "$0" "$@" > $here/arguments
        tr '\\0' '\\n' < /proc/$PPID/cmdline > $here/arguments-of-pyhomelab
    """
    path = wrapped(tmp_path / "bin", "sops", around)
    wrapped(tmp_path / "bin", "ssh-keygen", around)

    done = subprocess.run(
        [sys.executable, "-m", "pyhomelab", "secret", "generate"],
        capture_output=True,
        text=True,
        cwd=lab.directory,
        env={"PATH": path, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
        timeout=60,
        check=True,
    )

    seen = [done.stdout, done.stderr, *(file.read_text() for file in tmp_path.rglob("*") if file.is_file())]
    for name in ("ssh-host-dl1", *NAMES):
        lines = lab.value(name).splitlines()
        own_line = lines[len(lines) // 2]  # a private key begins like every other
        assert len(own_line) >= 32
        assert not [text for text in seen if own_line in text]
    assert len(list(record.iterdir())) == 2 * (len(NAMES) + 1 + 2)
    assert len(list(record.glob("*/temporary/*/key.pub"))) == 2
    assert list(temporary.iterdir()) == []


def test_what_never_ends_is_no_secret_and_no_key(lab: Lab) -> None:
    (lab.secrets / "hosts").mkdir(parents=True)
    os.mkfifo(lab.secrets / "hosts" / "dl1.pub")
    assert lab.refusal("list") == "hosts/secrets/hosts/dl1.pub: is not a file; move it out of the lab"
