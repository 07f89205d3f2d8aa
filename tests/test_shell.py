"""A shell on a host over a real sshd: whom it talks to, how it logs in, what it says when it cannot."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from pyhomelab.process import CommandFailed, ToolMissing
from pyhomelab.shell import Done, HostKeyRefused, LoginRefused, Unreachable
from pyhomelab.shell.network import Network
from tests.sshd import USER, Home, Sshd, fingerprint, free_port, make_key, needs_sshd, public, running_sshd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyhomelab.machines.targets import Target

pytestmark = needs_sshd

CONSOLE = "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` says the same at its console"
POWER = "see that it is switched on, and that its address is right"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path / "home", monkeypatch)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    """A server that takes nobody's key yet and is not started."""
    with running_sshd(tmp_path / "server") as sshd:
        yield sshd


@pytest.fixture
def open_server(server: Sshd, home: Home) -> Sshd:
    """A server that runs and takes ~/.ssh/key."""
    server.takes(home.key())
    server.start()
    return server


def said(target: Target, script: str, *others: Target, timeout: float = 10) -> Done:
    machines = {machine.name: machine for machine in (target, *others)}
    with Network(machines) as network:
        shell = network.open(target)
        try:
            return shell.run(script, timeout=timeout)
        finally:
            shell.close()


def failure(target: Target, *others: Target) -> str:
    with pytest.raises((Unreachable, HostKeyRefused, LoginRefused)) as raised:
        said(target, "true", *others)
    return str(raised.value)


def test_a_script_gives_its_output_and_its_exit_code(open_server: Sshd) -> None:
    assert said(open_server.target(), "echo out; echo err >&2; exit 7") == Done(7, "out\n", "err\n")


def test_a_script_may_hold_every_letter_that_a_shell_takes_apart(open_server: Sshd) -> None:
    script = "printf '%s\\n' 'it'\\''s $HOME' \"a\\\\b\" ; cat <<'E'\n`x` \\ $(y) ü\nE\n"
    assert said(open_server.target(), script).stdout == "it's $HOME\na\\b\n`x` \\ $(y) ü\n"


def test_much_output_on_both_streams_arrives_whole(open_server: Sshd) -> None:
    done = said(open_server.target(), "head -c 1000000 /dev/zero | tee /dev/stderr | tr '\\0' x")
    assert (len(done.stdout), len(done.stderr)) == (1_000_000, 1_000_000)


def test_a_host_that_never_stops_talking_is_not_listened_to_for_ever(open_server: Sshd) -> None:
    with pytest.raises(Unreachable) as raised:
        said(open_server.target(), "yes")
    assert str(raised.value) == "dl1: said more than 4 MiB, which is no answer"


def test_a_script_that_does_not_end_is_given_up(open_server: Sshd) -> None:
    began = time.monotonic()
    with pytest.raises(Unreachable) as raised:
        said(open_server.target(), "echo begun; exec sleep 60", timeout=0.5)
    assert str(raised.value) == "dl1: gave no answer within 0.5 s"
    assert time.monotonic() - began < 5


def test_a_connection_that_breaks_off_is_no_answer(open_server: Sshd) -> None:
    with pytest.raises(Unreachable) as raised:
        said(open_server.target(), "echo half; kill -9 $PPID; sleep 5")
    assert str(raised.value) == "dl1: the connection broke off before the answer was complete"


def test_a_host_without_a_pinned_key_is_told_nothing_and_the_way_to_pin_it_is_said(open_server: Sshd) -> None:
    target = open_server.target(host_key=None)
    shown = fingerprint(open_server.place / "host_key")
    file = target.key_file
    assert failure(target) == (
        f"dl1: its host key is not pinned; {USER}@127.0.0.1:{open_server.port} showed ssh-ed25519 {shown}; "
        f"if {CONSOLE}, `mkdir -p {file.parent} && echo '{open_server.host_key}' > {file}` pins it"
    )
    assert open_server.logins() == 0


def test_a_host_with_another_key_than_the_pinned_one_is_refused_with_both_fingerprints(
    open_server: Sshd, tmp_path: Path
) -> None:
    pinned = make_key(tmp_path / "other")
    target = open_server.target(host_key=pinned)
    target.key_file.parent.mkdir(parents=True)
    with pytest.raises(HostKeyRefused) as raised:
        said(target, "true")
    shown, expected = fingerprint(open_server.place / "host_key"), fingerprint(tmp_path / "other")
    assert (raised.value.shown, raised.value.pinned) == (shown, expected)
    assert str(raised.value) == (
        f"dl1: {USER}@127.0.0.1:{open_server.port} showed ssh-ed25519 {shown}, but {target.key_file} has "
        f"ssh-ed25519 {expected}; somebody else may answer there; only if dl1 was installed anew and {CONSOLE}, "
        f"`echo '{open_server.host_key}' > {target.key_file}` replaces the pinned key"
    )
    assert open_server.logins() == 0


def test_what_the_users_known_hosts_say_does_not_replace_the_pin(open_server: Sshd, home: Home) -> None:
    (home.ssh / "known_hosts").write_text(f"[127.0.0.1]:{open_server.port} {open_server.host_key}\n")
    home.config("StrictHostKeyChecking no")
    assert "its host key is not pinned" in failure(open_server.target(host_key=None))


def test_a_host_whose_key_is_of_another_kind_is_told_to_make_one(server: Sshd, home: Home) -> None:
    make_key(server.place / "rsa", kind="rsa")
    (server.place / "rsa").rename(server.place / "host_key")
    (server.place / "rsa.pub").rename(server.place / "host_key.pub")
    server.takes(home.key())
    server.start()
    shown = fingerprint(server.place / "host_key")
    assert failure(server.target(host_key=None)) == (
        f"dl1: its host key is not pinned; {USER}@127.0.0.1:{server.port} showed ssh-rsa {shown}; "
        "give dl1 an ssh-ed25519 host key: `ssh-keygen -A` as root at its console"
    )


def test_a_port_that_nobody_listens_on_is_tried_three_times(server: Sshd, home: Home) -> None:
    home.key()
    began = time.monotonic()
    assert failure(server.target()) == (
        f"dl1: {USER}@127.0.0.1:{server.port} cannot be reached: connection refused (3 attempts); {POWER}"
    )
    assert time.monotonic() - began > 1


def test_a_server_that_comes_up_late_is_reached_all_the_same(server: Sshd, home: Home) -> None:
    server.takes(home.key())
    starting = threading.Timer(0.7, server.start)
    starting.start()
    assert said(server.target(), "echo up").stdout == "up\n"
    starting.join()


def test_a_name_that_nobody_knows_is_not_tried_again(server: Sshd, home: Home) -> None:
    home.key()
    began = time.monotonic()
    sentence = failure(server.target(address="dl1.invalid"))
    assert sentence.startswith(f"dl1: {USER}@dl1.invalid:{server.port} cannot be reached: ")
    assert sentence.endswith("; give dl1 an `ssh: {address: …}` in the inventory, or a HostName in ssh_config")
    assert "attempts" not in sentence or time.monotonic() - began > 1


def test_something_that_is_no_ssh_is_unreachable(server: Sshd, home: Home) -> None:
    home.key()
    home.config("ConnectTimeout 1")
    with socket.create_server(("127.0.0.1", server.port)):
        assert failure(server.target()) == (
            f"dl1: {USER}@127.0.0.1:{server.port} cannot be reached: what answers there speaks no ssh, or hung up; {POWER}"
        )


def test_a_key_that_the_host_does_not_know_is_refused_without_a_second_try(open_server: Sshd, home: Home) -> None:
    home.key("other")
    home.config("IdentityFile ~/.ssh/other\nHost none")
    open_server.takes(home.ssh / "other")
    home.config("")
    assert failure(open_server.target()) == (
        f"dl1: {USER}@127.0.0.1:{open_server.port} takes none of the keys: {home.ssh}/key; "
        "hand the agent a key of one of lab.admins: `ssh-add FILE`"
    )
    assert (open_server.place / "log").read_text().count("Connection from") <= 1


def test_without_any_key_the_agent_and_the_directory_are_named(server: Sshd, home: Home) -> None:
    del home
    server.takes()
    server.start()
    assert failure(server.target()) == (
        f"dl1: {USER}@127.0.0.1:{server.port} asks for a key, and there is none: the agent holds none, ~/.ssh neither; "
        "hand the agent a key of one of lab.admins: `ssh-add FILE`"
    )


def test_a_key_with_a_passphrase_is_left_to_the_agent(server: Sshd, home: Home) -> None:
    server.takes(home.key(passphrase="long enough"))  # noqa: S106 - of a key that is made here
    server.start()
    assert failure(server.target()) == (
        f"dl1: {USER}@127.0.0.1:{server.port} asks for a key, and there is none: the agent holds none, ~/.ssh neither; "
        f"`ssh-add {home.ssh}/key` hands the agent a key that has a passphrase"
    )


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_the_agent_logs_in_with_what_it_holds(server: Sshd, home: Home, tmp_path: Path, kind: str) -> None:
    make_key(tmp_path / "elsewhere", kind=kind)
    server.takes(tmp_path / "elsewhere")
    server.start()
    with home.agent(tmp_path / "elsewhere"):
        assert said(server.target(), "echo in").stdout == "in\n"


def test_ssh_config_may_name_another_agent(server: Sshd, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    server.takes(home.key("kept"))
    server.start()
    with home.agent(home.ssh / "kept") as path:
        monkeypatch.delenv("SSH_AUTH_SOCK")
        home.config(f"IdentityAgent {path}")
        assert said(server.target(), "echo in").stdout == "in\n"
        home.config("IdentityAgent none")
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        assert "the agent holds none" in failure(server.target())


def test_an_agent_with_many_keys_needs_to_be_told_which(server: Sshd, home: Home) -> None:
    keys = [home.key(f"k{number}") for number in range(4)]
    server.takes(keys[3])
    server.start("MaxAuthTries 3\n")
    with home.agent(*keys):
        assert failure(server.target()) == (
            f"dl1: {USER}@127.0.0.1:{server.port} hung up after it had been offered k0 (agent), k1 (agent) and k2 (agent); "
            "name the right key as IdentityFile in ssh_config, with IdentitiesOnly yes"
        )
        home.config(f"IdentitiesOnly yes\nIdentityFile {keys[3]}.pub")
        keys[3].unlink()
        assert said(server.target(), "echo in").stdout == "in\n"


def test_a_host_that_takes_no_keys_is_named_with_what_it_takes(server: Sshd, home: Home) -> None:
    server.takes(home.key())
    server.start("PubkeyAuthentication no\nPasswordAuthentication yes\n")
    assert failure(server.target()).startswith(f"dl1: {USER}@127.0.0.1:{server.port} takes no keys, only password")


def test_a_host_that_wants_more_than_a_key_is_refused(server: Sshd, home: Home) -> None:
    server.takes(home.key())
    server.start("AuthenticationMethods publickey,password\nPasswordAuthentication yes\n")
    assert failure(server.target()) == (f"dl1: {USER}@127.0.0.1:{server.port} wants password besides a key")


def test_a_machine_of_the_lab_can_be_jumped_over_and_must_show_its_own_pinned_key(
    open_server: Sshd, home: Home, tmp_path: Path
) -> None:
    with running_sshd(tmp_path / "bastion") as bastion:
        bastion.takes(home.ssh / "key")
        bastion.start()
        gate = bastion.target("gate")
        assert said(open_server.target(jump="gate"), "echo behind", gate).stdout == "behind\n"
        assert (bastion.logins(), open_server.logins()) == (1, 1)

        gate = bastion.target("gate", host_key=open_server.host_key)
        sentence = failure(open_server.target(jump="gate"), gate)
        assert sentence.startswith(
            f"dl1: the way leads over gate: {USER}@127.0.0.1:{bastion.port} showed ssh-ed25519 "
            f"{fingerprint(bastion.place / 'host_key')}, but {gate.key_file} has "
        )
        assert bastion.logins() == 1


def test_proxyjump_of_ssh_config_is_followed_if_known_hosts_has_the_key(
    open_server: Sshd, home: Home, tmp_path: Path
) -> None:
    known = home.ssh / "known"
    with running_sshd(tmp_path / "bastion") as bastion:
        bastion.takes(home.ssh / "key")
        bastion.start()
        home.config(
            f"Host dl*\n  ProxyJump {USER}@bastion\nHost bastion\n  HostName 127.0.0.1\n  Port {bastion.port}\n"
            f"  UserKnownHostsFile {known}\n"
        )
        assert failure(open_server.target()) == (
            f"dl1: the way leads over bastion: {USER}@127.0.0.1:{bastion.port} showed ssh-ed25519 "
            f"{fingerprint(bastion.place / 'host_key')}, and no key of it is in {known}; "
            "log in once with `ssh bastion` and compare"
        )
        known.write_text(f"[127.0.0.1]:{bastion.port} {bastion.host_key}\n")
        subprocess.run(["ssh-keygen", "-q", "-H", "-f", known], check=True, capture_output=True)
        known.write_text("# mine\n\nbroken\nx ssh-ed25519 ?\n@cert-authority * ssh-ed25519 AAAA\n" + known.read_text())
        assert said(open_server.target(), "echo behind").stdout == "behind\n"
        known.write_text(f"[127.0.0.1]:{bastion.port} {open_server.host_key}\n")
        assert "but known_hosts has ssh-ed25519" in failure(open_server.target())
        assert bastion.logins() == 1


def test_a_jump_host_may_have_an_alias_in_known_hosts(open_server: Sshd, home: Home, tmp_path: Path) -> None:
    with running_sshd(tmp_path / "bastion") as bastion:
        bastion.takes(home.ssh / "key")
        bastion.start()
        home.config(
            f"Host dl1\n  ProxyJump {USER}@127.0.0.1:{bastion.port}\nHost 127.0.0.1\n  HostKeyAlias gate\n"
            f"  UserKnownHostsFile {home.ssh}/known\n"
        )
        (home.ssh / "known").write_text(f"gate {bastion.host_key}\n")
        assert said(open_server.target(), "echo behind").stdout == "behind\n"


def test_a_host_that_many_are_behind_is_logged_in_to_once(open_server: Sshd, home: Home, tmp_path: Path) -> None:
    with running_sshd(tmp_path / "bastion") as bastion:
        bastion.takes(home.ssh / "key")
        bastion.start()
        behind = [open_server.target(f"m{number}", jump="gate") for number in range(8)]
        machines = {target.name: target for target in (bastion.target("gate"), *behind)}
        answers: list[str] = []
        with Network(machines) as network:

            def ask(target: Target) -> None:
                shell = network.open(target)
                answers.append(shell.run(f"echo {target.name}", timeout=10).stdout)
                shell.close()

            threads = [threading.Thread(target=ask, args=(target,)) for target in behind]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert sorted(answers) == [f"m{number}\n" for number in range(8)]
        assert (bastion.logins(), open_server.logins()) == (1, 8)


def test_what_is_down_behind_a_jump_host_is_told_apart_from_the_jump_host(open_server: Sshd, home: Home) -> None:
    home.config("")
    gate, port = open_server.target("gate"), free_port()
    assert failure(open_server.target(port=str(port), jump="gate"), gate) == (
        f"dl1: {USER}@127.0.0.1:{port} cannot be reached: gate got no connection to it (3 attempts); {POWER}"
    )
    down = open_server.target("gate", port=str(port))
    assert failure(open_server.target(jump="gate"), down) == (
        f"dl1: the way leads over gate: {USER}@127.0.0.1:{port} cannot be reached: connection refused (3 attempts); "
        f"{POWER}"
    )


def test_hosts_that_are_to_be_jumped_over_in_circles_are_refused(open_server: Sshd) -> None:
    there, back = open_server.target("dl1", jump="dl2"), open_server.target("dl2", jump="dl1")
    assert failure(there, back) == (
        "dl1: the hosts to jump over go round in circles: dl1, dl2, dl1, dl2, …; "
        "except them from the ProxyJump of ssh_config, as in `Host * !bastion`"
    )


def test_a_jump_host_that_cannot_be_read_is_named(open_server: Sshd, home: Home) -> None:
    home.config("ProxyJump gate:x")
    with pytest.raises(CommandFailed) as raised:
        said(open_server.target(), "true")
    assert "gate:x" in str(raised.value)


def test_proxycommand_of_ssh_config_is_run(open_server: Sshd, home: Home, tmp_path: Path) -> None:
    relay = tmp_path / "relay"
    relay.write_text(
        "import socket, sys, threading, os\n"
        "s = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
        "def up():\n"
        "    while data := os.read(0, 65536): s.sendall(data)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while data := s.recv(65536): os.write(1, data)\n"
    )
    home.config(f"ProxyCommand python3 {relay} %h %p")
    assert said(open_server.target(), "echo through").stdout == "through\n"


def test_a_proxycommand_that_fails_is_quoted(open_server: Sshd, home: Home) -> None:
    home.config("ProxyCommand sh -c \"echo one >&2; printf 'no \\033[31mway\\n' >&2; exit 1\"")
    assert failure(open_server.target()) == (
        f"dl1: {USER}@127.0.0.1:{open_server.port} cannot be reached: ProxyCommand said: no way (3 attempts); {POWER}"
    )


def test_a_mistake_in_ssh_config_is_told_as_ssh_tells_it(server: Sshd, home: Home) -> None:
    home.config("NoSuchThing yes")
    with pytest.raises(CommandFailed) as raised:
        said(server.target(), "true")
    first, *rest = str(raised.value).splitlines()
    assert first == "reading ssh_config failed (exit 255)"
    assert rest[0] == f"{home.ssh}/config: line 1: Bad configuration option: nosuchthing"


def test_without_openssh_on_path_it_is_asked_for(server: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ToolMissing) as raised:
        said(server.target(), "true")
    assert str(raised.value) == "ssh is not on PATH; install OpenSSH's client"


def test_keys_are_read_with_their_certificates(server: Sshd, home: Home, tmp_path: Path) -> None:
    key, authority = home.key(), tmp_path / "ca"
    make_key(authority)
    subprocess.run(
        ["ssh-keygen", "-q", "-s", authority, "-I", "mika", "-n", USER, f"{key}.pub"], check=True, capture_output=True
    )
    server.takes()
    server.start(f"TrustedUserCAKeys {authority}.pub\n")
    assert said(server.target(), "echo in").stdout == "in\n"
    assert public(key) not in (server.place / "authorized_keys").read_text()
