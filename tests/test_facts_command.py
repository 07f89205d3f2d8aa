"""`pyhomelab facts` over a real sshd: whom it talks to, what it prints, and what it writes into the inventory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from pyhomelab.cli.main import main
from pyhomelab.facts.answer import SCRIPT, facts_of
from pyhomelab.facts.suggestion import size_in_mib, suggestion
from pyhomelab.shell import Done
from pyhomelab.text.wording import counted
from tests.labs import KEY
from tests.modules.sources import ROOT
from tests.recordings import REPORT
from tests.sshd import USER, Home, Sshd, fingerprint, free_port, make_key, needs_sshd, public, running_sshd
from tests.terminal import on_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyhomelab.facts.machine import Facts

pytestmark = needs_sshd

CONSOLE = "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` says the same at its console"
INVENTORY = """\
# My lab.
lab:
  name: home   # of mine
  state_version: "26.05"
  admins: [{name: mika, ssh_keys: ["KEY"]}]
networks:
  lan: {cidr: 192.168.178.0/24}

hosts:
  # The old one.
  nas:
    cpu_threads: 96      # many
    memory:      1536GiB # much
    boot: {disk: /dev/disk/by-id/ata-GONE_1}
    links:
      enp9s9: {network: lan, address: 192.168.178.2}
    ssh: {address: 127.0.0.1, user: USER, port: PORT}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(tmp_path / "home", monkeypatch)


@pytest.fixture
def server(tmp_path: Path, home: Home) -> Iterator[Sshd]:
    """A server that runs and takes ~/.ssh/key."""
    with running_sshd(tmp_path / "server") as sshd:
        sshd.takes(home.key())
        sshd.start()
        home.config(f"UserKnownHostsFile {home.ssh}/known_hosts")
        yield sshd


@pytest.fixture
def inventory(server: Sshd, tmp_path: Path) -> Path:
    """A lab with one host, nas, at the address of the server; its key is pinned."""
    file = tmp_path / "lab/hosts/inventory.yaml"
    (file.parent / "secrets/hosts").mkdir(parents=True)
    (file.parent / "secrets/hosts/nas.pub").write_text(f"{server.host_key}\n")
    file.write_text(INVENTORY.replace("KEY", KEY).replace("USER", USER).replace("PORT", str(server.port)))
    return file


def here() -> Facts:
    """Give what this machine is made of: it is the one that the server runs on."""
    done = subprocess.run(["sh", "-s"], input=SCRIPT, capture_output=True, text=True, check=True)
    return facts_of("here", Done(0, done.stdout, done.stderr))


def tells(directory: Path, *arguments: str) -> tuple[int | str | None, str, str]:
    """Run the command in a directory; gives its exit code and both streams."""
    out, err, code = StringIO(), StringIO(), None
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.chdir(directory)
        try:
            main(["facts", *arguments])
        except SystemExit as end:
            code = end.code
    return code, out.getvalue(), err.getvalue()


def stranger(server: Sshd, *arguments: str) -> list[str]:
    return [f"{USER}@127.0.0.1", "--port", str(server.port), *arguments]


def known_fingerprint(server: Sshd) -> str:
    return fingerprint(server.place / "host_key")


def test_a_machine_outside_the_lab_is_told_nothing_before_its_host_key_is_accepted(
    server: Sshd, home: Home, tmp_path: Path
) -> None:
    shown = known_fingerprint(server)
    assert tells(tmp_path, *stranger(server)) == (
        4,
        "",
        f"127.0.0.1: {USER}@127.0.0.1:{server.port} showed ssh-ed25519 {shown}, and no key of it is in "
        f"{home.place}/.ssh/known_hosts; if {CONSOLE}, `--host-key {shown}` accepts it for once\n",
    )
    assert server.logins() == 0


def test_an_accepted_host_key_holds_for_once_and_the_entry_is_printed(server: Sshd, home: Home, tmp_path: Path) -> None:
    code, out, err = tells(tmp_path, *stranger(server, "--host-key", known_fingerprint(server), "--name", "nas"))
    made = suggestion("nas", here(), {})
    assert (code, out) == (0, f"hosts:\n{made.text}")
    assert err.startswith("To be chosen, by what the remarks say: ") or not made.choices
    assert server.logins() == 1
    assert not (home.ssh / "known_hosts").exists()
    assert tells(tmp_path, *stranger(server))[0] == 4


def test_another_fingerprint_than_the_accepted_one_is_refused(server: Sshd, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    code, _, err = tells(tmp_path, *stranger(server, "--host-key", fingerprint(tmp_path / "other")))
    assert (code, server.logins()) == (4, 0)
    assert f"showed ssh-ed25519 {known_fingerprint(server)}, and no key of it is in" in err


def test_a_host_key_that_known_hosts_has_need_not_be_accepted(server: Sshd, home: Home, tmp_path: Path) -> None:
    (home.ssh / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n")
    assert tells(tmp_path, *stranger(server))[0] == 0


def test_an_installer_where_another_system_was_is_refused_until_its_key_is_accepted(
    server: Sshd, home: Home, tmp_path: Path
) -> None:
    old = make_key(tmp_path / "old")
    (home.ssh / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {old}\n")
    shown = known_fingerprint(server)
    code, _, err = tells(tmp_path, *stranger(server))
    assert (code, server.logins()) == (4, 0)
    assert err == (
        f"127.0.0.1: {USER}@127.0.0.1:{server.port} showed ssh-ed25519 {shown}, but known_hosts has "
        f"ssh-ed25519 {fingerprint(tmp_path / 'old')}; find out who answers there before anything goes through it; "
        f"`--host-key {shown}` accepts it for once\n"
    )
    assert tells(tmp_path, *stranger(server, "--host-key", shown))[0] == 0


def test_a_person_at_a_terminal_is_asked_about_the_host_key(server: Sshd, home: Home) -> None:
    words = [sys.executable, "-m", "pyhomelab", "facts", *stranger(server)]
    variables = {**os.environ, "HOME": str(home.place), "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    question = "which is pinned nowhere; is it the machine's?"
    for answer, code in (("n\n", 4), ("y\n", 0)):
        with on_terminal(words, variables, size=(50, 250)) as terminal:
            terminal.wait(question)
            assert f"{USER}@127.0.0.1:{server.port} shows {known_fingerprint(server)}" in terminal.screen.text
            terminal.type(answer)
            assert terminal.end() == code
    assert server.logins() == 1


def test_the_key_of_an_option_logs_in(server: Sshd, home: Home, tmp_path: Path) -> None:
    make_key(tmp_path / "mine")
    server.takes(tmp_path / "mine")
    accepted = stranger(server, "--host-key", known_fingerprint(server))
    code, _, err = tells(tmp_path, *accepted)
    assert code == 4
    assert f"takes none of the keys: {home.place}/.ssh/key" in err
    assert tells(tmp_path, *accepted, "-i", str(tmp_path / "mine"))[0] == 0


def test_a_machine_behind_another_is_accepted_in_the_same_way(server: Sshd, home: Home, tmp_path: Path) -> None:
    known = home.ssh / "known_hosts"
    with running_sshd(tmp_path / "bastion") as bastion:
        bastion.takes(home.ssh / "key")
        bastion.start()
        home.config(
            f"UserKnownHostsFile {known}\nHost far\n  HostName 127.0.0.1\n  Port {server.port}\n  User {USER}\n"
            f"  ProxyJump {USER}@127.0.0.1:{bastion.port}\n"
        )
        shown = known_fingerprint(server)
        code, _, err = tells(tmp_path, "far", "--host-key", shown)
        assert code == 4
        assert err.startswith(f"127.0.0.1: {USER}@127.0.0.1:{bastion.port} showed ssh-ed25519 "), "nobody accepted that"
        known.write_text(f"[127.0.0.1]:{bastion.port} {bastion.host_key}\n")
        assert tells(tmp_path, "far")[0] == 4
        assert tells(tmp_path, "far", "--host-key", shown)[0] == 0
        assert (bastion.logins(), server.logins()) == (2, 1)


def test_a_machine_that_is_off_is_unreachable(home: Home, tmp_path: Path) -> None:
    home.key()
    port = free_port()
    code, _, err = tells(tmp_path, "root@127.0.0.1", "-p", str(port))
    assert code == 4
    assert err.startswith(f"127.0.0.1: root@127.0.0.1:{port} cannot be reached: ")


def test_a_new_host_is_added_and_the_rest_of_the_inventory_stays_byte_for_byte(server: Sshd, inventory: Path) -> None:
    before = inventory.read_text()
    accepted = stranger(server, "--host-key", known_fingerprint(server))
    code, out, err = tells(inventory.parent.parent, *accepted, "--name", "new", "--merge")
    assert (code, err.splitlines()[0]) == (0, "hosts: new was added")
    facts = here()
    assert out.startswith(f"hosts:\n  new:  # {facts.cpu_model}")
    after = inventory.read_text()
    assert after.startswith(before)
    added = after.removeprefix(before)
    assert added.startswith(
        f"  new:\n    cpu_threads: {facts.cpu_threads}\n    memory: {size_in_mib(facts.memory or 0)}\n"
    )
    assert "CHOOSE" in added

    told = tells(inventory.parent.parent, *accepted, "--name", "new")
    assert told[0] == 3
    assert told[2] == "hosts.new: has mistakes, so no machine is compared with it; `pyhomelab check` names them\n"


def test_a_machine_of_the_inventory_is_compared_with_its_entry(inventory: Path) -> None:
    facts, file = here(), "hosts/inventory.yaml"
    code, out, err = tells(inventory.parent.parent, "nas")
    lines = out.splitlines()
    assert code == 1
    assert lines[0] == f"nas: {facts.cpu_model}, runs {facts.system}"
    merge = "`pyhomelab facts --merge` writes what the machine says"
    assert f"{file}:12:18: hosts.nas.cpu_threads: 96 is not what the machine has: {facts.cpu_threads}; {merge}" in lines
    assert (
        f"{file}:13:18: hosts.nas.memory: 1536GiB is not what the machine has: {size_in_mib(facts.memory or 0)}; {merge}"
        in lines
    )
    assert any(
        line.startswith(f"{file}:14:18: hosts.nas.boot.disk: /dev/disk/by-id/ata-GONE_1 is not ") for line in lines
    )
    assert any(line.startswith(f"{file}:16:7: hosts.nas.links.enp9s9: is no network card of ") for line in lines)
    points = sum(line.startswith(file) for line in lines)
    assert err == f"nas: differs from its entry in {counted(points, 'point')}\n"


def test_a_machine_of_the_inventory_may_be_asked_as_somebody_else_and_at_another_port(
    server: Sshd, inventory: Path
) -> None:
    directory = inventory.parent.parent
    inventory.write_text(inventory.read_text().replace(f"port: {server.port}", "port: 1"))
    code, _, err = tells(directory, "nas", "-p", str(server.port))
    assert (code, err.splitlines()[-1][:31]) == (1, "nas: differs from its entry in ")
    code, _, err = tells(directory, "root-of-all@nas", "-p", str(server.port))
    assert code == 4
    assert err.startswith(f"nas: root-of-all@127.0.0.1:{server.port} takes none of the keys: ")


def test_merging_writes_what_the_machine_states_and_no_disk(inventory: Path) -> None:
    facts, before = here(), inventory.read_text()
    code, out, _ = tells(inventory.parent.parent, "nas", "--merge")
    assert code == 1, "the disk is gone still"
    assert f"hosts.nas.cpu_threads is {facts.cpu_threads} now" in out.splitlines()
    wanted = before.replace("96      # many", f"{facts.cpu_threads}      # many")
    wanted = wanted.replace("1536GiB # much", f"{size_in_mib(facts.memory or 0)} # much")
    text = inventory.read_text()
    if facts.firmware == "bios":
        wanted = wanted.replace("ata-GONE_1}", "ata-GONE_1, firmware: bios}")
    assert text == wanted

    told = tells(inventory.parent.parent, "nas", "--merge")
    assert (told[0], inventory.read_text()) == (1, wanted)
    assert "hosts.nas.cpu_threads" not in told[1]


def test_nothing_of_a_machine_of_another_architecture_is_merged(inventory: Path) -> None:
    inventory.write_text(
        inventory.read_text().replace("    cpu_threads: 96", "    system: aarch64-linux\n    cpu_threads: 96")
    )
    before = inventory.read_text()
    assert tells(inventory.parent.parent, "--report", str(REPORT), "--name", "nas", "--merge") == (
        3,
        "",
        "nas: is aarch64-linux in the inventory, but the machine that was asked is x86_64; nothing was written; "
        "see whether it is the one meant\n",
    )
    assert inventory.read_text() == before


def test_json_has_the_facts_and_every_difference_with_its_place(server: Sshd, inventory: Path) -> None:
    code, out, _ = tells(inventory.parent.parent, "nas", "--json")
    data: dict[str, Any] = json.loads(out)
    assert (code, data["name"], data["written"]) == (1, "nas", [])
    assert data["facts"]["cpu_threads"] == here().cpu_threads
    by_path = {one["path"]: one for one in data["differences"]}
    assert (by_path["hosts.nas.boot.disk"]["file"], by_path["hosts.nas.boot.disk"]["line"]) == (
        "hosts/inventory.yaml",
        14,
    )

    accepted = stranger(server, "--host-key", known_fingerprint(server))
    code, out, err = tells(inventory.parent.parent, *accepted, "--name", "new", "--json")
    data = json.loads(out)
    assert (code, err, data["differences"], data["written"]) == (0, "", [], [])
    assert data["suggestion"].startswith("  new:  # ")
    written = json.loads(tells(inventory.parent.parent, "nas", "--json", "--merge")[1])["written"]
    assert written[:2] == ["hosts.nas.cpu_threads", "hosts.nas.memory"]


def test_a_machine_of_the_inventory_must_show_its_pinned_key(server: Sshd, inventory: Path, tmp_path: Path) -> None:
    pin = inventory.parent / "secrets/hosts/nas.pub"
    pin.write_text(make_key(tmp_path / "other"))
    code, _, err = tells(inventory.parent.parent, "nas")
    assert (code, server.logins()) == (4, 0)
    assert err.endswith(f"replaces the pinned key; `--host-key {known_fingerprint(server)}` accepts it for once\n")
    assert tells(inventory.parent.parent, "nas", "--host-key", known_fingerprint(server))[0] == 1
    assert pin.read_text() == public(tmp_path / "other")


def test_a_report_is_compared_and_merged_like_a_machine(inventory: Path) -> None:
    directory = inventory.parent.parent
    code, out, _ = tells(directory, "--report", str(REPORT), "--name", "mini", "--merge")
    assert (code, "  mini:  # LENOVO 11JRS00A00: AMD Ryzen 5 PRO 4650GE with Radeon Graphics\n" in out) == (0, True)
    assert inventory.read_text().endswith(
        "  mini:\n    cpu_threads: 12\n    memory: 32GiB\n    boot: {firmware: uefi, disk: CHOOSE}\n"
        "    links:\n      enp1s0: {network: CHOOSE, address: dhcp}\n"
    )
    code, out, err = tells(directory, "--report", str(REPORT), "--name", "nas", "--merge")
    assert code == 1
    assert "hosts.nas.memory is 32GiB now\n" in out
    assert err == "nas: differs from its entry in 2 points\n"


def test_without_an_inventory_a_report_is_read_all_the_same(tmp_path: Path) -> None:
    code, out, err = tells(tmp_path, "--report", str(REPORT))
    assert (code, err) == (0, "To be chosen, by what the remarks say: disk and network of enp1s0\n")
    assert out.startswith("hosts:\n  host1:  # LENOVO 11JRS00A00: ")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ((), 2, "Error: give a HOST to ask, or a --report to read"),
        (("nas", "--report", str(REPORT)), 2, "Error: give a HOST to ask, or a --report to read"),
        (("root@10.0.0.1", "--merge"), 2, "Error: --merge needs a name for the machine: add --name"),
        (("--report", str(REPORT), "--merge"), 2, "Error: a report does not say whose it is: add --name"),
        (
            ("root@10.0.0.1", "--name", "NAS"),
            2,
            "Error: Invalid value for --name: 'NAS' is not a DNS label: lower-case letters, digits and hyphens",
        ),
        (
            ("root@-x",),
            3,
            "root@-x is neither a machine of the inventory nor an address; there is nas",
        ),
        (("a b@10.0.0.1",), 3, "a b@10.0.0.1 does not begin with a user's name; there is nas"),
        (
            ("nas", "--inventory", "elsewhere"),
            3,
            "elsewhere: cannot be read: no such file or directory; `pyhomelab init DIR` makes a lab to start from",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(inventory: Path, arguments: tuple[str, ...], code: int, sentence: str) -> None:
    told = tells(inventory.parent.parent, *arguments)
    assert (told[0], told[1], told[2].splitlines()[-1]) == (code, "", sentence)


def test_a_guest_is_not_asked_what_it_is_made_of(inventory: Path) -> None:
    text = inventory.read_text().replace(
        "    ssh:", "    kvm: {}\n    zfs: {tank: {layout: stripe, disks: [/dev/disk/by-id/ata-A]}}\n    ssh:"
    )
    text = text.replace("enp9s9: {", "enp9s9: {bridge: br-lan, ")
    disk = "{size: 8GiB, on: tank}"
    guest = f"  vm1: {{on: nas, cpus: 1, memory: 1GiB, disk: {disk}, links: {{lan: {{address: 192.168.178.9}}}}}}\n"
    inventory.write_text(f"{text}guests:\n{guest}")
    assert tells(inventory.parent.parent, "vm1") == (
        3,
        "",
        "vm1: is a guest: what it is made of, the inventory decides; ask its host\n",
    )


def test_a_machine_that_is_what_its_entry_says_ends_well(inventory: Path) -> None:
    directory = inventory.parent.parent
    tells(directory, "--report", str(REPORT), "--name", "mini", "--merge")
    disk = "/dev/disk/by-id/nvme-Samsung_SSD_970_EVO_Plus_500GB_S4EVNX0N123456"
    inventory.write_text(inventory.read_text().replace("disk: CHOOSE", f"disk: {disk}").replace("CHOOSE", "lan"))
    code, out, err = tells(directory, "--report", str(REPORT), "--name", "mini")
    assert (code, err) == (0, "")
    assert out == (
        "mini: LENOVO 11JRS00A00: AMD Ryzen 5 PRO 4650GE with Radeon Graphics\n"
        "  12 threads, 32GiB of memory, uefi, svm\n"
        "  sda, 28.6GiB, USB, SanDisk Ultra, serial number 4C530001230807115092: contents unknown\n"
        "    /dev/disk/by-id/usb-SanDisk_Ultra_4C530001230807115092-0:0\n"
        "    the medium that the machine booted from\n"
        "  nvme0n1, 465.8GiB, NVMe, Samsung SSD 970 EVO Plus 500GB, serial number S4EVNX0N123456: contents unknown\n"
        f"    {disk}\n"
        "  enp1s0: MAC address unknown, r8169\n"
        "  It did not tell the MAC addresses and links of its network cards: a report has none.\n"
        "  It did not tell what lies on its disks, and what uses them: a report does not say it.\n"
        "mini is what hosts says\n"
    )


def test_an_inventory_with_mistakes_keeps_nobody_from_adding_a_host(server: Sshd, inventory: Path) -> None:
    directory = inventory.parent.parent
    inventory.write_text(inventory.read_text().replace("networks:\n", "networks:\n  broken: {vlan: 3}\n  worse: 1\n"))
    accepted = stranger(server, "--host-key", known_fingerprint(server))
    assert tells(directory, *accepted, "--name", "new", "--merge")[0] == 0
    assert "  new:\n" in inventory.read_text()

    code, out, err = tells(directory, "nas")
    assert (code, out) == (3, "")
    assert err.startswith("hosts/inventory.yaml:7:3: networks.broken: lacks the key cidr; ")
