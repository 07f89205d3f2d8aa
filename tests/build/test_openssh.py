"""The way to a host as OpenSSH understands what was written down for it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pyhomelab.machines.targets import Target
from pyhomelab.model import Ssh
from pyhomelab.shell.openssh import ssh_config

pytestmark = pytest.mark.skipif(shutil.which("ssh") is None, reason="ssh is not on PATH (openssh-client)")

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ5mHkY2h6hFRiHm3Iv6VZp3v0m2eY0mYQbqk0cT1Q9c"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHm81ZkzXsBBasbMkX+DQKo78aKFD4aFbpOatcF+V2/i"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    return tmp_path


def target(name: str, number: int, key: str | None, **ssh: object) -> Target:
    return Target(name, f"192.168.10.{number}", Ssh.model_validate(ssh), key, Path(f"{name}.pub"), "x86_64-linux", ())


def understood(config: Path, name: str) -> dict[str, str]:
    done = subprocess.run(["ssh", "-F", str(config), "-G", name], capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


@pytest.mark.usefixtures("home")
def test_a_machine_must_show_its_pinned_key_and_nobody_is_asked() -> None:
    machine = target("dl1", 11, KEY, port="2222", user="mika")
    with ssh_config(machine, {"dl1": machine}) as config:
        ssh = understood(config, "dl1")
        known = Path(ssh["userknownhostsfile"]).read_text()
    assert (ssh["hostname"], ssh["port"], ssh["user"]) == ("192.168.10.11", "2222", "mika")
    assert (ssh["hostkeyalias"], known) == ("dl1", f"dl1 {KEY}\n")
    assert (ssh["stricthostkeychecking"], ssh["batchmode"], ssh["globalknownhostsfile"]) == ("true", "yes", "none")
    assert ssh["controlmaster"] == "false"
    assert not config.exists()


@pytest.mark.usefixtures("home")
def test_each_host_on_the_way_has_its_own_key() -> None:
    door, inner = target("dl1", 11, KEY), target("dl2", 12, OTHER, jump="dl1")
    with ssh_config(inner, {"dl1": door, "dl2": inner}) as config:
        assert understood(config, "dl2")["proxyjump"] == "dl1"
        assert understood(config, "dl1")["hostkeyalias"] == "dl1"
        assert (config.parent / "known_hosts").read_text() == f"dl2 {OTHER}\ndl1 {KEY}\n"


@pytest.mark.usefixtures("home")
def test_a_machine_without_a_pinned_key_is_known_by_none() -> None:
    machine = target("dl1", 11, None)
    with ssh_config(machine, {"dl1": machine}) as config:
        assert (config.parent / "known_hosts").read_text() == ""


def test_a_host_that_is_only_jumped_over_is_known_by_the_users_files(home: Path) -> None:
    (home / ".ssh/config").write_text(f"Host door\n  HostName door.example\n  UserKnownHostsFile {home}/doors\n")
    machine = target("dl1", 11, KEY, jump="mika@door:2022")
    with ssh_config(machine, {"dl1": machine}) as config:
        door = understood(config, "door")
    assert (door["hostname"], door["user"], door["port"]) == ("door.example", "mika", "2022")
    assert door["userknownhostsfile"].split()[0] == f"{home}/doors"


def test_a_proxy_command_is_the_one_of_the_user(home: Path) -> None:
    (home / ".ssh/config").write_text("Host dl1\n  ProxyCommand nc -X 5 %h %p 100%%\n")
    machine = target("dl1", 11, KEY)
    with ssh_config(machine, {"dl1": machine}) as config:
        assert understood(config, "dl1")["proxycommand"] == "nc -X 5 192.168.10.11 22 100%%"
