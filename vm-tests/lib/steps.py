"""What the scripts of the tests have in common; make-lab-test.nix puts it before each, with the checks of its lab.

It stands in the middle of a file: names that the driver has imported are not imported again, and nothing comes from
`__future__`.
"""

import json
import shlex
import time
import typing

# By machine; the text of the lab's checks.json is put in here.
CHECKS: dict[str, list[dict[str, typing.Any]]] = json.loads("{}")
_NOT_JUDGED = (68, 69)
_LONGEST = 120


class Asked(typing.Protocol):
    """A machine of the driver, of which a check needs no more than this."""

    @property
    def name(self) -> str:
        """Its name in the inventory."""

    def execute(self, command: str, /) -> tuple[int, str]:
        """Run a command as root; gives its exit code and what it printed."""


class Booted(Asked, typing.Protocol):
    """A machine that can be started and stopped."""

    def start(self) -> None:
        """Start it."""

    def shutdown(self) -> None:
        """Shut it down."""

    def succeed(self, *commands: str) -> str:
        """Run commands of which none may fail."""

    def wait_for_unit(self, unit: str, /) -> None:
        """Wait until a unit is active."""


def findings(machine: Asked, role: str = "") -> dict[str, str]:
    """Ask a machine the checks of a role, or all: what is wrong, by the name of the check, and nothing if it holds."""
    return {check["name"]: _reason(machine, check) for check in _checks(machine, role)}


def failing(machine: Asked, role: str = "") -> list[str]:
    """Name the checks that do not hold now."""
    return [name for name, reason in findings(machine, role).items() if reason]


def verify(machine: Asked, role: str = "") -> None:
    """Wait until every check of a role, or of the machine, holds: each for as long as it may take and no longer."""
    began = time.monotonic()
    pending = _checks(machine, role)
    while pending:
        wrong = [(check, _reason(machine, check)) for check in pending]
        late = [
            f"{check['name']}: {reason}"
            for check, reason in wrong
            if reason and time.monotonic() - began >= check["patience"]
        ]
        if late:
            raise AssertionError(f"{machine.name}: {'; '.join(late)}")
        pending = [check for check, reason in wrong if reason]
        if pending:
            time.sleep(1)


def verify_fails(machine: Asked, *names: str) -> None:
    """Wait until checks, given by their names, do not hold any more."""
    until = time.monotonic() + _LONGEST
    while set(names) - set(failing(machine)):
        if time.monotonic() >= until:
            raise AssertionError(f"{machine.name}: of {', '.join(names)} fail only {', '.join(failing(machine))}")
        time.sleep(1)


def boot_with_pools(*hosts: Booted) -> None:
    """Boot machines whose disks are empty, have disko make their pools, and boot them as they are from then on."""
    for host in hosts:
        host.start()
    for host in hosts:
        host.wait_for_unit("multi-user.target")
        host.succeed("/etc/homelab/make-pools", "sync")
        host.shutdown()
    for host in hosts:
        host.start()
    for host in hosts:
        host.wait_for_unit("multi-user.target")


def _checks(machine: Asked, role: str) -> list[dict[str, typing.Any]]:
    found = [check for check in CHECKS[machine.name] if role in ("", check["role"])]
    if not found:
        raise AssertionError(f"{machine.name} has no check of the role {role}")
    return found


def _reason(machine: Asked, check: dict[str, typing.Any]) -> str:
    script = shlex.quote(check["script"])
    code, said = machine.execute(f"timeout --kill-after=2 {check['limit']} sh -c {script} </dev/null 2>&1")
    if code == 0:
        return ""
    words = said.strip().splitlines()[-1:] or [f"exit {code}"]
    return f"cannot be told: {words[0]}" if code in _NOT_JUDGED else words[0]
