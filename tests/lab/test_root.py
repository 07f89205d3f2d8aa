"""Becoming root on a real host: as root, by sudo, by sudo with a password, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyhomelab.machines.targets import Target
from pyhomelab.model import Ssh
from pyhomelab.shell import NoRoot
from pyhomelab.shell.network import Network
from tests.lab.needs import missing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.lab.hosts import LabHost

pytestmark = pytest.mark.skipif(missing() != "", reason=missing() or "nothing is missing")

Hosts = dict[str, "LabHost"]
PASSWORD = "lab"  # noqa: S105 - of a test host that lives for seconds
WHO = "id -un; cat"  # `cat` shows what else came over stdin
WAY_OUT = "log in as root, or as somebody whom sudo lets run everything"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lab_hosts: Hosts) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text(f"IdentityFile {lab_hosts['n1'].key}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def as_root(hosts: Hosts, user: str, password: Callable[[], str | None] = lambda: None) -> list[str]:
    """Become root on all hosts and say what two scripts print there."""
    machines = {
        name: Target(name, host.address, Ssh(user=user), host.host_key, host.place / "pin", "x86_64-linux", ())
        for name, host in hosts.items()
    }
    heard = []
    with Network(machines, password) as network:
        for target in machines.values():
            shell = network.open(target, as_root=True)
            heard += [shell.run(WHO, timeout=20).stdout for _ in range(2)]
            shell.close()
    return heard


def refusal(hosts: Hosts, user: str, password: Callable[[], str | None] = lambda: None) -> str:
    with pytest.raises(NoRoot) as raised:
        as_root(hosts, user, password)
    return str(raised.value)


def test_root_needs_no_sudo(lab_hosts: Hosts) -> None:
    hidden = lab_hosts["n1"].said("chmod 0 /usr/bin/sudo; id -un")
    try:
        assert hidden == "root"
        assert as_root({"n1": lab_hosts["n1"]}, "root") == ["root\n"] * 2
    finally:
        lab_hosts["n1"].run("chmod 4755 /usr/bin/sudo")


def test_a_user_of_sudo_becomes_root_without_being_asked(lab_hosts: Hosts) -> None:
    assert as_root(lab_hosts, "admin") == ["root\n"] * 6


def test_the_password_of_sudo_is_asked_for_once_for_all_hosts_and_no_script_sees_it(lab_hosts: Hosts) -> None:
    asked = []

    def ask() -> str:
        asked.append("asked")
        return PASSWORD

    assert as_root(lab_hosts, "careful", ask) == ["root\n"] * 6
    assert asked == ["asked"]


def test_the_password_never_stands_among_the_words_of_a_process(lab_hosts: Hosts) -> None:
    n1 = lab_hosts["n1"]
    n1.run("echo 'careful:s3cret-of-a-test' | chpasswd")
    target = Target("n1", n1.address, Ssh(user="careful"), n1.host_key, n1.place / "pin", "x86_64-linux", ())
    try:
        with Network({"n1": target}, lambda: "s3cret-of-a-test") as network:
            shell = network.open(target, as_root=True)
            words = shell.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '", timeout=20).stdout
            shell.close()
    finally:
        n1.run(f"echo 'careful:{PASSWORD}' | chpasswd")
    assert "sudo -k -S" in words
    assert "s3cret" not in words


def test_a_wrong_password_is_tried_once_and_never_as_a_script(lab_hosts: Hosts) -> None:
    n1 = {"n1": lab_hosts["n1"]}
    sentence = refusal(n1, "careful", lambda: "touch /tmp/typed")
    assert sentence == f"n1: careful may not become root: 1 incorrect password attempt; {WAY_OUT}"
    assert lab_hosts["n1"].said("ls /tmp | grep -c typed || true") == "0"


def test_without_somebody_to_ask_a_password_is_not_waited_for(lab_hosts: Hosts) -> None:
    assert refusal({"n1": lab_hosts["n1"]}, "careful") == (
        f"n1: careful may not become root: sudo wants a password, and there is no terminal to ask for it; {WAY_OUT}"
    )


def test_who_is_not_in_sudoers_is_told_so(lab_hosts: Hosts) -> None:
    assert refusal({"n1": lab_hosts["n1"]}, "nobody-special", lambda: PASSWORD) == (
        f"n1: nobody-special may not become root: nobody-special is not in the sudoers file; {WAY_OUT}"
    )


@pytest.mark.parametrize("hiding", ["mv /usr/bin/sudo /usr/bin/hidden", "chmod 4700 /usr/bin/sudo"])
def test_a_host_without_sudo_for_the_user_says_so(lab_hosts: Hosts, hiding: str) -> None:
    n1 = lab_hosts["n1"]
    n1.run(hiding)
    try:
        assert refusal({"n1": n1}, "admin") == (
            f"n1: admin may not become root: there is no sudo that it may start; {WAY_OUT}"
        )
    finally:
        n1.run("test -e /usr/bin/sudo || mv /usr/bin/hidden /usr/bin/sudo; chmod 4755 /usr/bin/sudo")
