"""The moments of a deploy: each is waited for, held for as long as something happens to the machine, and then left."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.deployment.journal import Journal
from tests.lab import slots
from tests.lab.deployer import PATIENCE, TookTooLong
from tests.lab.faults import MOMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.lab.deployer import Deployer
    from tests.lab.hosts import LabHost

_HOLD = "[ ! -e /root/hold/{0} ] || {{ touch /root/held-{0}; while [ -e /root/hold/{0} ]; do sleep 0.1; done; }}"
HELD = f"""
  stub.services.web = {{ }};
  environment.etc.big.text = lib.concatMapStrings (number: "line ${{toString number}} of a file that takes its time\\n")
    (lib.range 1 40000);
  system.activationScripts.held = ''[ "$NIXOS_ACTION" != test ] || {{ {_HOLD.format("activation")}; }}'';
  stub.bootLoader = ''{_HOLD.format("commit")}'';
"""
"""A system that can be held while it is copied, activated and committed."""
_HALF = 1_000_000
_COPY = f"""#!/bin/sh
{{
  dd bs=65536 count={_HALF} iflag=count_bytes status=none
  {_HOLD.format("copy")}
  cat
}} | /usr/bin/nix-daemon "$@"
"""
_ENDS = ("committed", "refused", "superseded", "rolled-back", "rollback-failed")


@dataclass
class Deploy:
    """A deploy of a machine by the real program; `canary` is deployed before it where one is needed."""

    host: LabHost
    canary: LabHost
    deployer: Deployer
    directory: Path
    boot_id: str = ""

    def phase(self) -> str:
        """What the supervisor is at."""
        try:
            states = [file.read_text() for file in _run(self.host, "pyhomelab").glob("*/state")]
        except OSError:
            return ""
        return "".join(states).partition("\n")[0].partition(" ")[0]

    def has_decided(self) -> bool:
        """Whether the machine has come to an end by itself, or nothing is left to be waited for."""
        return self.phase() in _ENDS or self.deployer.has_ended()

    def has_rebooted(self) -> bool:
        """Whether the machine runs in another boot than `boot_id`."""
        return boot_id(self.host) not in {"", self.boot_id}

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something."""
        until = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > until:
                raise TookTooLong(f"{self.phase()}\n{self.deployer.err}")
            time.sleep(0.05)

    def is_copied(self) -> bool:
        """Whether the journal says that the machine has its system."""
        file = self.directory / ".pyhomelab/journal.sqlite"
        if not file.exists():
            return False
        with Journal.open(file) as journal:
            run = journal.last_run()
            entries = journal.entries(run.id) if run is not None else []
        return any((one.host, one.stage, one.outcome) == (self.host.name, "copy", "copied") for one in entries)


def _run(host: LabHost, name: str) -> Path:
    """A place below a host's /run, as seen from outside; nothing is there while the host is off."""
    try:
        first = (slots.cgroup(host.lab, host.name) / "init.scope/cgroup.procs").read_text().split()
    except OSError:
        first = []
    return Path("/proc", *first[:1], "root/run", name)


def boot_id(host: LabHost) -> str:
    """The id of a host's boot; nothing while it is off."""
    try:
        return _run(host, "boot_id").read_text()
    except OSError:
        return ""


def is_held(host: LabHost, what: str) -> bool:
    """Whether a host waits where it was told to."""
    return (host.disk / "root" / f"held-{what}").exists()


@dataclass(frozen=True)
class Moment:
    """How a deploy is brought to a moment and held there, and how it is let go."""

    arrive: Callable[[Deploy], None]
    leave: Callable[[Deploy], None]
    holds: tuple[str, ...] = ()
    needs_canary: bool = False


def hold(host: LabHost, *whats: str) -> None:
    """Have a host wait there until `release`."""
    place = host.disk / "root/hold"
    place.mkdir()
    for what in whats:
        (place / what).touch()
    if "copy" in whats:
        daemon = host.disk / "usr/sbin/nix-daemon"
        daemon.write_text(_COPY)
        daemon.chmod(0o755)


def release(host: LabHost) -> None:
    """Let a host go on, wherever it waits."""
    shutil.rmtree(host.disk / "root/hold")


def _before(deploy: Deploy) -> None:
    deploy.until(deploy.deployer.asked)


def _at(what: str) -> Callable[[Deploy], None]:
    def arrive(deploy: Deploy) -> None:
        deploy.deployer.agree()
        deploy.until(lambda: is_held(deploy.host, what))

    return arrive


def _copied(deploy: Deploy) -> None:
    deploy.deployer.agree()
    deploy.until(lambda: is_held(deploy.canary, "activation"))
    deploy.until(deploy.is_copied)


def _past(what: str, phase: str) -> Callable[[Deploy], None]:
    """With the deployer held, who would go on at once."""

    def arrive(deploy: Deploy) -> None:
        _at(what)(deploy)
        deploy.deployer.hold()
        release(deploy.host)
        deploy.until(lambda: deploy.phase() == phase)

    return arrive


def _go_on(deploy: Deploy) -> None:
    release(deploy.host)


_HOW = (
    Moment(_before, lambda deploy: deploy.deployer.agree()),
    Moment(_at("copy"), _go_on, ("copy",)),
    Moment(_copied, lambda deploy: release(deploy.canary), needs_canary=True),
    Moment(_at("activation"), _go_on, ("activation",)),
    Moment(_past("activation", "probation"), lambda deploy: deploy.deployer.let_go(), ("activation",)),
    Moment(_at("commit"), _go_on, ("commit",)),
    Moment(_past("commit", "committed"), lambda deploy: deploy.deployer.let_go(), ("commit",)),
)
HOW: Mapping[str, Moment] = dict(zip(MOMENTS, _HOW, strict=True))
