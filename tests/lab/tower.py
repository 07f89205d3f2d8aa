"""The host tower of an inventory as a test host that runs its guests, and as NixOS's test driver would have it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyhomelab.checks import checks_of
from pyhomelab.health.checking import examine
from pyhomelab.inventory.load import load
from pyhomelab.machines.targets import Target
from pyhomelab.model import Ssh
from pyhomelab.shell.network import Network
from tests.lab import boot_sector
from tests.lab.hypervisor import Hypervisor
from tests.lab.patience import wait_for
from tests.lab.systems import pyhomelab
from tests.labs import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyhomelab.model import Inventory
    from tests.lab.boot_sector import Counted
    from tests.lab.hosts import LabHost

MIB = 1024 * 1024
IMAGE = "srv/images/lodger.raw"


@dataclass
class Tower:
    """The host tower of an inventory, as a test host."""

    host: LabHost
    directory: Path
    inventory: Inventory = field(init=False)
    hypervisor: Hypervisor = field(init=False)
    _labs: int = 0

    def __post_init__(self) -> None:
        """Make a new host a hypervisor."""
        self.hypervisor = Hypervisor(self.host)
        self.hypervisor.prepare()

    def has(self, guests: dict[str, Any], settings: str = "") -> None:
        """Switch to what an inventory with these guests and these settings, in Nix, makes of the host."""
        self._labs += 1
        place = self.directory / str(self._labs)
        place.mkdir()
        (place / "inventory.yaml").write_text(json.dumps(inventory(guests)))
        pyhomelab("gen", str(place / "inventory.yaml"))
        self.inventory = load(place)
        self.hypervisor.switch(f"{{ imports = [ {place}/tower ]; {settings} }}")

    def failing(self) -> dict[str, str]:
        """The checks of guests that do not hold, as `pyhomelab verify --deep` asks them, with what they say."""
        checks = [check for check in checks_of(self.inventory, deep=True)["tower"] if check.role == "kvm"]
        assert checks
        host = self.host
        target = Target("tower", host.address, Ssh(user="root"), host.host_key, host.place / "pin", "x86_64-linux", ())
        with Network({"tower": target}) as network:
            found = examine(network.open(target, as_root=True), "tower", checks, waits=False)
        return {name: finding.said for name, finding in found.items() if finding.verdict != "holds"}

    def install(self) -> None:
        """Put a system on the disk of the guest lodger, smaller than the inventory wants the disk to be."""
        (self.host.disk / IMAGE).parent.mkdir(exist_ok=True)
        boot_sector.install(self.host.disk / IMAGE, MIB)

    def counted(self) -> Counted:
        """What the guest lodger has counted so far."""
        return boot_sector.counted(self.host.disk / IMAGE)

    def ticks(self, seconds: float = 90) -> Counted:
        """Wait until the guest lodger counts on."""
        before = self.counted()
        wait_for(lambda: self.counted().ticks > before.ticks, seconds)
        return self.counted()


def inventory(guests: dict[str, Any]) -> dict[str, Any]:
    """The inventory of the host with these guests."""
    return {
        "lab": {"name": "test", "state_version": "26.05", "admins": [{"name": "mika", "ssh_keys": [KEY]}]},
        "networks": {"lan": {"cidr": "192.168.14.0/24"}},
        "hosts": {
            "tower": {
                "cpu_threads": "4",
                "memory": "8GiB",
                "boot": {"disk": "/dev/disk/by-id/nvme-1"},
                "links": {"eth0": {"bridge": "br-lan", "network": "lan", "address": "192.168.14.11"}},
                "zfs": {"tank": {"layout": "stripe", "disks": ["/dev/disk/by-id/ata-1"]}},
                "kvm": {},
            }
        },
        "guests": guests,
    }


@dataclass
class Driven:
    """A test host as NixOS's test driver has a machine."""

    host: LabHost
    name: str = "tower"

    def start(self) -> None:
        """Switch it on; it is up then."""
        self.host.power_on()
        self.host.reachable()

    def shutdown(self) -> None:
        """Switch it off in order."""
        self.host.stop()

    def wait_for_unit(self, unit: str, /) -> None:
        """Wait until a unit is active."""
        wait_for(lambda: self.execute(f"systemctl is-active {unit}")[0] == 0)

    def execute(self, command: str, /) -> tuple[int, str]:
        """Run a command as root, as the driver does."""
        done = self.host.run("bash -s", stdin=f"set -euo pipefail; {command}\n", check=False)
        return done.returncode, done.stdout

    def succeed(self, *commands: str) -> str:
        """Run commands of which none may fail."""
        said = ""
        for command in commands:
            code, out = self.execute(command)
            assert code == 0, f"{command}: exit {code}\n{out}"
            said += out
        return said


@contextmanager
def subtest(name: str) -> Iterator[None]:
    """Say in which part of a script something failed."""
    try:
        yield
    except Exception as error:
        error.add_note(f"in the subtest: {name}")
        raise
