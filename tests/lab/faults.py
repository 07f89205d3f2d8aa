"""What can happen in the middle of a deploy, when, and what must become of the machine then: one table."""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.systems import UNWELL

MOMENTS = (
    "before the copy",
    "during the copy",
    "between copy and try",
    "during activation",
    "in probation",
    "during the commit",
    "after the commit",
)


@dataclass(frozen=True)
class Becomes:
    """The system that the machine runs and boots when all is over, what the command says of it, and its exit code."""

    system: str
    said: str
    code: int

    def __str__(self) -> str:
        return f"{self.system}: {self.said}"


@dataclass(frozen=True)
class Row:
    """What becomes of the machine if something happens at each of the moments; a text is the reason why it cannot."""

    does: str
    cells: tuple[Becomes | str, ...]


DEPLOYED = Becomes("new", "deployed", 0)
BACK = Becomes("old", "rolled back", 4)
REFUSED = Becomes("old", "refused", 4)
NOT_COPIED = Becomes("old", "not copied", 4)
LEFT_ALONE = Becomes("old", "left alone", 4)
UNREACHABLE = Becomes("old", "unreachable", 4)
KEY_REFUSED = Becomes("old", "key refused", 4)
OVERTAKEN = Becomes("new", "refused", 4)
KILLED_OLD, KILLED_NEW = Becomes("old", "nothing", -9), Becomes("new", "nothing", -9)
NOTHING, UNWRITTEN = Becomes("old", "nothing", 1), Becomes("new", "deployed", 1)
_NO_SUPERVISOR = "there is no supervisor yet"
_NOT_OURS = "who stops sshd on a machine that is not on trial has to start it"
_ENDED = "the supervisor has ended"
_OUT_OF_SIGHT = "a copy that has begun does not see how the tests fill a disk"
_EITHER = "both copy, and whoever tries first is first"


@dataclass(frozen=True)
class System:
    """A system that does something to its machine when it is tried, and what must become of the machine."""

    settings: str
    becomes: Becomes
    why: str


def _tried(text: str) -> str:
    return f"system.activationScripts.mistake = ''[ \"$NIXOS_ACTION\" != test ] || {{ {text}; }}'';"


_UNCONFIRMED = "nobody confirmed it within 8 s"
# The lab's systems know nothing of the network and of who may log in; so that switching to the first one brings both
# back, as on NixOS, it is said here.
FIRST = """
  system.activationScripts.network = ''ip link set eth0 up 2>/dev/null || true'';
  system.activationScripts.keys = ''[ ! -e /etc/ssh/nobodys ] || mv /etc/ssh/nobodys /etc/ssh/authorized_keys'';
"""
SYSTEMS = {
    "kills sshd": System(_tried("systemctl stop ssh; pkill sshd"), BACK, _UNCONFIRMED),
    "cuts the network": System(_tried("ip link set eth0 down"), BACK, _UNCONFIRMED),
    "lets nobody log in": System(_tried("mv /etc/ssh/authorized_keys /etc/ssh/nobodys"), BACK, _UNCONFIRMED),
    "fails in activation": System(_tried("exit 3"), BACK, "switch-to-configuration ended with 2"),
    "hangs in activation": System(_tried("sleep 1000"), BACK, "activation took longer than 6 s"),
    "hangs in the start of a unit": System(
        'stub.services.slow = { oneshot = true; script = "sleep 1000"; };',
        BACK,
        "activation took longer than 6 s, waiting for slow.service",
    ),
    "falls into emergency mode": System(
        _tried("systemctl --no-block isolate emergency.target; sleep 1000"), BACK, "activation took longer than 6 s"
    ),
    "fails a unit": System('stub.services.web = { oneshot = true; script = "exit 1"; };', BACK, "web.service failed"),
    "fails a health check": System(
        _tried(f"touch {UNWELL}"), BACK, f"well: `test ! -e {UNWELL}` succeeds: not any more (exit 1)"
    ),
    "fills /boot": System(
        'stub.bootLoader = "echo No space left on device; exit 1";', BACK, "the boot loader could not be written"
    ),
}

FAULTS = {
    "power": Row(
        "the machine loses its power, and has it again",
        (DEPLOYED, NOT_COPIED, DEPLOYED, BACK, BACK, BACK, DEPLOYED),
    ),
    "reboot": Row(
        "somebody reboots the machine",
        (DEPLOYED, NOT_COPIED, DEPLOYED, BACK, BACK, DEPLOYED, DEPLOYED),
    ),
    "blink": Row("its network is gone for two seconds", (DEPLOYED,) * 7),
    "cut": Row(
        "its network is gone until the machine has decided by itself",
        (UNREACHABLE, NOT_COPIED, UNREACHABLE, BACK, BACK, DEPLOYED, DEPLOYED),
    ),
    "sshd-restarts": Row(
        "sshd restarts, and every connection breaks off",
        (DEPLOYED, NOT_COPIED, DEPLOYED, DEPLOYED, DEPLOYED, DEPLOYED, DEPLOYED),
    ),
    "sshd-stops": Row("sshd is stopped", (_NOT_OURS,) * 3 + (BACK, BACK) + (_NOT_OURS,) * 2),
    "other-key": Row(
        "another host's key answers at its address until the machine has decided by itself",
        (KEY_REFUSED, KEY_REFUSED, KEY_REFUSED, BACK, BACK, DEPLOYED, DEPLOYED),
    ),
    "killed": Row(
        "the deployer is killed (SIGKILL)",
        (KILLED_OLD, KILLED_OLD, KILLED_OLD, KILLED_OLD, KILLED_OLD, KILLED_NEW, KILLED_NEW),
    ),
    "asleep": Row(
        "the deployer sleeps for longer than the machine waits",
        (DEPLOYED, DEPLOYED, LEFT_ALONE, BACK, BACK, DEPLOYED, DEPLOYED),
    ),
    "second": Row(
        "a second deployer wants the same machine",
        (OVERTAKEN, _EITHER, OVERTAKEN, DEPLOYED, DEPLOYED, DEPLOYED, DEPLOYED),
    ),
    "journal-full": Row(
        "the disk with the deployer's journal is full",
        (NOTHING, LEFT_ALONE, LEFT_ALONE, UNWRITTEN, UNWRITTEN, UNWRITTEN, UNWRITTEN),
    ),
    "run-full": Row(
        "the machine's /run is full",
        (REFUSED, REFUSED, REFUSED, BACK, BACK, DEPLOYED, DEPLOYED),
    ),
    "nix-full": Row(
        "the machine's disk is full",
        (NOT_COPIED, _OUT_OF_SIGHT, BACK, BACK, BACK, DEPLOYED, DEPLOYED),
    ),
    "collector": Row("the garbage collector runs on the machine, and deletes old generations", (DEPLOYED,) * 7),
    "supervisor": Row(
        "the supervisor is killed (SIGKILL)",
        (_NO_SUPERVISOR,) * 3 + (BACK, BACK, DEPLOYED) + (_ENDED,),
    ),
}


@dataclass(frozen=True)
class Cell:
    """A fault at a moment."""

    fault: str
    moment: str

    def __str__(self) -> str:
        return f"{self.fault} {self.moment}"


def cells() -> dict[Cell, Becomes]:
    """All that can happen, and what must become of it."""
    return {
        Cell(fault, moment): becomes
        for fault, row in FAULTS.items()
        for moment, becomes in zip(MOMENTS, row.cells, strict=True)
        if isinstance(becomes, Becomes)
    }
