"""Host keys that are made before a machine's first boot, with the real sops."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from pyhomelab.errors import Refused
from pyhomelab.inventory.load import load
from pyhomelab.machines.targets import targets
from pyhomelab.secrets.needed import host_key_of
from pyhomelab.secrets.vault import opened as opened_here
from tests.secret_keys import make_key, needs_sops, opened, path_with_sops
from tests.secret_lab import LAB, WEB, Lab

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_sops


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path / "lab")


@pytest.fixture
def as_admin(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be somebody whose keys are where sops finds them."""
    home = lab.directory.parent / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/id_ed25519").write_text(lab.admin.read_text())
    (home / ".ssh/id_ed25519").chmod(0o600)
    without_own_keys(monkeypatch, home)


def without_own_keys(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Be somebody with this home, and with no key of sops in the environment."""
    for name in [name for name in os.environ if name.startswith("SOPS_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("PATH", path_with_sops())
    monkeypatch.setenv("HOME", str(home))


def private(lab: Lab, machine: str) -> Path:
    """A machine as it is after its installation: its host key lies in a file."""
    file = lab.keys / machine
    file.touch(0o600)
    file.write_text(lab.value(f"ssh-host-{machine}"))
    file.with_suffix(".pub").write_text((lab.secrets / f"hosts/{machine}.pub").read_text())
    return file


def test_machines_without_a_known_key_get_one_before_all_else(lab: Lab) -> None:
    lab.host_key("dl2")

    assert lab.says("generate")[:5] == [
        "written: hosts/secrets/ssh-host-dl1.yaml",
        "written: hosts/secrets/hosts/dl1.pub",
        "written: hosts/secrets/ssh-host-dl3.yaml",
        "written: hosts/secrets/hosts/dl3.pub",
        "written: hosts/secrets/syncoid-dl1-ssh-key.yaml",
    ]


def test_it_is_said_what_becomes_of_new_host_keys_and_what_to_do_for_a_machine_that_runs(lab: Lab) -> None:
    lab.host_key("dl2")

    assert lab.says("generate")[-2:] == [
        "dl1 and dl3 get the host key made here when installed; a machine that runs already has its own: copy "
        "/etc/ssh/ssh_host_ed25519_key.pub of it to hosts/secrets/hosts/<machine>.pub and remove "
        "hosts/secrets/ssh-host-<machine>.yaml",
        "Next: git add hosts/secrets",
    ]


def test_guests_get_host_keys_too(lab: Lab) -> None:
    lab.write(LAB | {"guests": {"web": WEB}})

    lab.says("generate", "ssh-host-web")

    assert sorted(lab.files()) == ["hosts/web.pub", "ssh-host-web.yaml"]


def test_the_private_half_is_for_the_admins_alone(lab: Lab) -> None:
    lab.says("generate")
    keys = {machine: private(lab, machine) for machine in ("dl1", "dl2", "dl3")}

    readers = [machine for machine, key in keys.items() if opened(lab.secrets / "ssh-host-dl1.yaml", host=key)]

    assert readers == []
    assert lab.state("ssh-host-dl1")["can_read"] == ["mika"]
    assert lab.remarks() == []


def test_a_machine_with_a_key_made_here_opens_what_was_made_in_the_same_run(lab: Lab) -> None:
    lab.says("generate")

    dl1, dl3 = private(lab, "dl1"), private(lab, "dl3")

    assert opened(lab.secrets / "k3s-home-token.yaml", host=dl1) == lab.value("k3s-home-token")
    assert opened(lab.secrets / "k3s-home-token.yaml", host=dl3) is None


def test_the_halves_of_a_host_key_belong_together(lab: Lab) -> None:
    lab.says("generate", "ssh-host-dl1")

    public_half = subprocess.check_output(["ssh-keygen", "-y", "-f", str(private(lab, "dl1"))], text=True)

    assert (lab.secrets / "hosts/dl1.pub").read_text() == public_half
    assert public_half.split()[::2] == ["ssh-ed25519", "dl1"]


def test_a_machine_is_pinned_by_the_key_that_was_made_for_it(lab: Lab) -> None:
    lab.says("generate")
    inventory = lab.directory / "hosts"

    pinned = targets(load(inventory), inventory)["dl1"].host_key

    assert pinned == " ".join((lab.secrets / "hosts/dl1.pub").read_text().split()[:2])


def test_a_machine_that_made_its_own_key_needs_none(lab: Lab) -> None:
    lab.install()
    lab.says("generate")

    assert [name for name in lab.files() if name.startswith("ssh-host-")] == []
    assert lab.says("generate") == ["every secret that can be made is there"]


def test_the_key_of_a_machine_that_runs_is_not_replaced_and_the_reason_is_said(lab: Lab) -> None:
    lab.host_key("dl1")

    assert lab.refusal("generate", "ssh-host-dl1") == (
        "hosts/secrets/hosts/dl1.pub: is there already; if it is in use, the machine has the old one until it is "
        "installed anew, and opens no secret made for the new; "
        "`pyhomelab secret generate --force ssh-host-dl1` replaces it"
    )


def test_with_force_a_new_pair_replaces_the_old_key_and_secrets_of_the_same_run_are_for_the_new_one(lab: Lab) -> None:
    old = lab.install()["dl1"]

    lab.says("generate", "--force", "k3s-home-token", "ssh-host-dl1")

    token = lab.secrets / "k3s-home-token.yaml"
    assert opened(token, host=old) is None
    assert opened(token, host=private(lab, "dl1")) == lab.value("k3s-home-token")


def test_a_public_half_that_is_gone_is_to_be_brought_back_for_the_machine_may_run_with_it(lab: Lab) -> None:
    lab.says("generate")
    (lab.secrets / "hosts/dl1.pub").unlink()

    assert "hosts/secrets/hosts/dl1.pub is gone; bring it back from git, for dl1 may run with this key" in lab.remarks()
    assert lab.says("generate")[-1] == "every secret that can be made is there"
    assert lab.refusal("rekey") == (
        "hosts/secrets/hosts/dl1.pub: is gone, and who has the other half would be shut out; bring it back from git"
    )


@pytest.mark.usefixtures("as_admin")
def test_who_installs_a_machine_opens_its_key_with_their_own(lab: Lab) -> None:
    lab.says("generate")

    assert opened_here(host_key_of("dl1"), lab.secrets) == lab.value("ssh-host-dl1")


def test_without_a_key_of_an_admin_it_is_not_opened_and_the_keys_that_would_do_are_named(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lab.says("generate")
    without_own_keys(monkeypatch, tmp_path / "home")

    with pytest.raises(Refused) as refusal:
        opened_here(host_key_of("dl1"), lab.secrets)

    assert str(refusal.value) == (
        f"{lab.secrets}/ssh-host-dl1.yaml: is not opened by any key that sops finds here; it takes an admin's "
        "~/.config/sops/age/keys.txt, ~/.ssh/id_ed25519 or ~/.ssh/id_rsa, or a file that SOPS_AGE_KEY_FILE or "
        "SOPS_AGE_SSH_PRIVATE_KEY_FILE names"
    )


@pytest.mark.usefixtures("as_admin")
def test_a_secret_that_was_changed_by_hand_is_not_opened(lab: Lab) -> None:
    lab.says("generate", "ssh-host-dl1", "ssh-host-dl2")
    file = lab.secrets / "ssh-host-dl1.yaml"
    mac = next(line for line in (lab.secrets / "ssh-host-dl2.yaml").read_text().splitlines() if "mac: " in line)
    file.write_text("\n".join(mac if "mac: " in line else line for line in file.read_text().splitlines()))

    with pytest.raises(Refused) as refusal:
        opened_here(host_key_of("dl1"), lab.secrets)

    assert str(refusal.value) == f"{file}: was changed after sops wrote it; bring it back from git"


def test_what_is_not_there_is_not_opened(lab: Lab) -> None:
    with pytest.raises(Refused) as refusal:
        opened_here(host_key_of("dl1"), lab.secrets)

    assert str(refusal.value) == (
        f"{lab.secrets}/ssh-host-dl1.yaml: is not there (the host key that dl1 gets when it is installed); "
        "`pyhomelab secret generate ssh-host-dl1` makes it"
    )


def test_a_new_admin_is_said_to_lack_the_host_keys(lab: Lab) -> None:
    lab.install("dl2", "dl3")
    lab.says("generate")
    lab.write(LAB, make_key(lab.keys / "noa"))

    assert lab.remarks() == [
        "noa cannot read ssh-host-dl1, syncoid-dl1-ssh-key, drbd-vmstore, k3s-home-token and k3s-home-agent-token; "
        "`pyhomelab secret rekey` adds what is missing"
    ]
