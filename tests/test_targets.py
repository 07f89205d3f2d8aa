"""The machines of a lab as ssh sees them: what the inventory states, and the keys that the lab pins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from pyhomelab.errors import Refused
from pyhomelab.inventory.load import understand
from pyhomelab.machines.targets import targets
from pyhomelab.model import Ssh
from tests.labs import KEY, lab, written

if TYPE_CHECKING:
    from pathlib import Path

    from pyhomelab.machines.targets import Target


def found(directory: Path, **changes: Any) -> dict[str, Target]:
    changed = {name.replace("__", "."): value for name, value in changes.items()}
    return targets(lab(changed), directory / "inventory.yaml")


def test_hosts_and_guests_are_at_their_first_static_address(tmp_path: Path) -> None:
    machines = found(tmp_path)
    assert {name: target.address for name, target in machines.items()} == {
        "dl1": "192.168.10.11",
        "dl2": "192.168.10.12",
        "dl3": "192.168.10.13",
        "k8s-1": "192.168.10.21",
        "k8s-2": "192.168.10.22",
        "k8s-3": "192.168.10.23",
    }


def test_a_machine_with_dhcp_alone_is_looked_up_by_its_name(tmp_path: Path) -> None:
    machine = found(tmp_path, hosts__dl3__links={"eno1": {"network": "lan", "address": "dhcp"}}, volumes={})["dl3"]
    assert machine.address == "dl3"


def test_a_guest_is_of_the_system_of_its_host(tmp_path: Path) -> None:
    machines = found(tmp_path, hosts__dl2__system="aarch64-linux", hosts__dl2__tags=["rack"])
    assert (machines["dl2"].system, machines["k8s-2"].system) == ("aarch64-linux", "aarch64-linux")
    assert (machines["dl2"].tags, machines["k8s-2"].tags) == (("rack",), ())


def test_what_the_inventory_states_about_ssh_is_kept(tmp_path: Path) -> None:
    stated = {"address": "dl1.example.org", "user": "mika", "port": "2222", "jump": "root@[fd00::1]:22"}
    ssh = found(tmp_path, hosts__dl1__ssh=stated)["dl1"].ssh
    assert (ssh.address, ssh.user, ssh.port, ssh.jump) == ("dl1.example.org", "mika", 2222, "root@[fd00::1]:22")


def test_host_keys_are_pinned_in_the_files_that_secrets_are_encrypted_from(tmp_path: Path) -> None:
    file = tmp_path / "secrets/hosts/dl1.pub"
    file.parent.mkdir(parents=True)
    file.write_text(f"{KEY}\n")
    machines = found(tmp_path)
    assert machines["dl1"].host_key == " ".join(KEY.split()[:2])
    assert (machines["dl2"].host_key, machines["dl1"].key_file) == (None, file)


@pytest.mark.parametrize("text", ["", "ssh-rsa AAAAB3NzaC1yc2E= x", "-----BEGIN OPENSSH PRIVATE KEY-----"])
def test_a_file_that_pins_nothing_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "secrets/hosts/k8s-1.pub"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    with pytest.raises(Refused) as raised:
        found(tmp_path)
    assert str(raised.value) == (
        f"{file}: is not one line with an ssh-ed25519 public key; copy /etc/ssh/ssh_host_ed25519_key.pub of k8s-1 there"
    )


def test_a_pin_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secrets/hosts/dl1.pub"
    file.mkdir(parents=True)
    with pytest.raises(Refused) as raised:
        found(tmp_path)
    assert str(raised.value) == f"{file}: cannot be read: is a directory"


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("address", "192.168.10.11/24", "is neither an IP address nor a DNS name; write it like 192.168.10.11 or dl1.example.org"),
        ("address", "-oProxyCommand=id", "is neither an IP address nor a DNS name; write it like 192.168.10.11 or dl1.example.org"),
        ("user", "mika smith", "is not a user name; use letters, digits, dots, hyphens and underscores, such as root or mika"),
        ("user", "-l", "is not a user name; use letters, digits, dots, hyphens and underscores, such as root or mika"),
        ("port", "0", "is not a whole number that fits; write one from 1 to 65535"),
        ("jump", "gate;id", "is not a host to jump over; write a machine of the lab, or user@host:port (an IPv6 address in brackets)"),
        ("jump", "gate:65536", "is not a host to jump over; write a machine of the lab, or user@host:port (an IPv6 address in brackets)"),
        ("jump", "a,b", "is not a host to jump over; write a machine of the lab, or user@host:port (an IPv6 address in brackets)"),
    ],
)  # fmt: skip
def test_what_ssh_could_not_take_is_a_mistake_of_the_inventory(key: str, value: str, sentence: str) -> None:
    _, mistakes = understand(written({"hosts.dl1.ssh": {key: value}}))
    (mistake,) = mistakes
    assert mistake.path == ("hosts", "dl1", "ssh", key)
    assert f"{mistake.reason}; {mistake.hint}" == sentence


@pytest.mark.parametrize("address", ["192.168.10.11", "fd00::1", "dl1", "dl1.example.org"])
def test_an_address_is_an_ip_address_or_a_dns_name(address: str) -> None:
    assert Ssh.model_validate({"address": address}).address == address


def test_a_key_of_ssh_that_there_is_not_is_a_mistake() -> None:
    with pytest.raises(ValidationError):
        Ssh.model_validate({"keyfile": "x"})
