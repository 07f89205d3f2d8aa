"""The host dl1 with a real disk: bring-up.sh runs on it with the real drbdadm; only the kernel is a stand-in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.modules.drbd_hosts import DRBDADM, DRIVERS
from tests.modules.sources import ROOT
from tests.modules.standins import Outcome, run

if TYPE_CHECKING:
    from pathlib import Path

BRING_UP = (ROOT / "nix/modules/drbd/bring-up.sh").read_text()
MIB = 1024 * 1024
SIZE = 32 * MIB


def minor_of(device: Path) -> int:
    """A DRBD minor that no other test uses: drbdmeta locks by it."""
    return 4000 + int(device.name.removeprefix("loop"))


@dataclass
class Host:
    """The host dl1 with its disk, before and after the script."""

    directory: Path
    device: Path
    version: str = "9"
    size: str = "32M"
    volsize: int = SIZE
    kind: str = "volume"
    zvol: bool = True
    disk: str | None = None

    @property
    def state(self) -> Path:
        """Where the script keeps its notes and the stand-ins theirs."""
        return self.directory / "state"

    @property
    def new(self) -> bool:
        """Whether the script noted that this copy never held anything."""
        return (self.state / "vmstore.new").exists()

    def configured(self) -> Path:
        """The configuration for the real drbdadm."""
        file = self.directory / "drbd.conf"
        nine = self.version == "9"
        file.write_text(f"""
            global {{ usage-count no; }}
            resource vmstore {{
              on dl1 {{ {"node-id 0;" if nine else ""} address 10.10.20.11:7789;
                volume 0 {{ device minor {minor_of(self.device)}; disk {self.device}; meta-disk internal; }} }}
              on dl2 {{ {"node-id 1;" if nine else ""} address 10.10.20.12:7789;
                volume 0 {{ device minor {minor_of(self.device)}; disk /dev/null; meta-disk internal; }} }}
              {"connection-mesh { hosts dl1 dl2; }" if nine else ""}
            }}
        """)
        return file

    def standins(self) -> dict[str, str]:
        """The kernel's part and ZFS."""
        running = self.state / "running"
        real = f"{DRBDADM} -c {self.configured()}"
        return {
            # The kernel's part pretends; reading and writing metadata is the real thing.
            "drbdadm": f"""case $1 in
              status) [ -e {running} ] ;;
              dstate) cat {running} ;;
              up) echo Inconsistent/DUnknown >{running} ;;
              dump-md | create-md) exec {real} "$@" ;;
            esac""",
            "zfs": f"""case "$1 $*" in
              "get "*" type "*) {"true" if self.zvol else "[ -e made ]"} && echo {self.kind} ;;
              "get "*volsize*) echo {self.volsize} ;;
              "create "*) touch made ;;
            esac""",
            "lsblk": f"cat {self.state}/shown",
            "sleep": "",
        }

    def bring_up(self, *, witness: bool = False, backing: bool = True) -> Outcome:
        """Run the script as its unit does."""
        self.state.mkdir(exist_ok=True)
        return run(
            BRING_UP,
            self.directory,
            self.standins(),
            {
                "RESOURCE": "vmstore",
                "MINOR": str(minor_of(self.device)),
                "VERSION": self.version,
                "DISK": "" if witness else self.disk or str(self.device),
                "DATASET": "tank/drbd/vmstore" if backing and not witness else "",
                "SIZE": self.size,
                "STATE_DIRECTORY": str(self.state),
                "DRBD_DRIVER_VERSION_OVERRIDE": DRIVERS[self.version],
                "__DRBD_NODE__": "dl1",
            },
        )

    def restarted(self, state: str | None = None) -> None:
        """As after a reboot; with `state`, as running with it."""
        (self.state / "running").unlink(missing_ok=True)
        if state:
            self.state.mkdir(exist_ok=True)
            (self.state / "running").write_text(f"{state}\n")
