"""A bare machine becomes a machine of the lab: step by step, each in the journal before it begins."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyhomelab.deployment.journal import DEPLOYED
from pyhomelab.deployment.runs import Result
from pyhomelab.errors import HostFailed
from pyhomelab.health.comparison import against, remarks
from pyhomelab.installing.anywhere import StepFailed
from pyhomelab.installing.bare import look, what_runs
from pyhomelab.installing.erasure import Excuse, judge
from pyhomelab.installing.installation import DONE
from pyhomelab.installing.luggage import luggage
from pyhomelab.shell import HostKeyRefused
from pyhomelab.state.hoststate import SCRIPT, host_state
from pyhomelab.telling.events import Progressed, StageBegan, StageEnded
from pyhomelab.text.wording import lasting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pyhomelab.deployment.runs import Lab
    from pyhomelab.installing.anywhere import Anywhere
    from pyhomelab.installing.erasure import Wanted
    from pyhomelab.installing.installation import Order, Step
    from pyhomelab.machines.targets import Target

INSTALLED = "installed"
NOT_BACK = "not back"
_AGAIN = 3.0
_STATE_PATIENCE = 45.0
_SETTLING = 300
"""Seconds that checks have after the first boot: pools are imported, clusters joined."""


class Doubtful(HostFailed):
    """The machine, or one of its disks, is not what was agreed to; nothing was erased."""

    kind = "left alone"


class Lost(HostFailed):
    """The machine did not come back as what was installed on it."""

    kind = NOT_BACK


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a machine takes along: the halves of its host key, and the keys of pools by the paths they must have."""

    host_key: str
    public: str
    keys: Mapping[str, str]

    def __repr__(self) -> str:
        return "Secrets(…)"


@dataclass(frozen=True, slots=True)
class Job:
    """The installation of a machine.

    `lab` knows it as it will be, `installer` is how it is reached until then. `wanted` are the disks that are erased,
    and `agreed` what the person who agreed to it was shown of them; `excuse` says what may use them still.
    """

    lab: Lab
    order: Order
    installer: Target
    anywhere: Anywhere
    secrets: Secrets
    wanted: tuple[Wanted, ...]
    agreed: str
    excuse: Excuse = Excuse.NONE
    pause: Callable[[float], None] = time.sleep

    @property
    def machine(self) -> str:
        """The machine's name."""
        return self.order.machine


def install(job: Job, steps: Sequence[Step]) -> Result:
    """Do the steps on the machine, in their order; gives what became of it."""
    erased = "erase" not in steps
    try:
        with _packed(job) as at_work:
            for step in steps:
                erased = erased or step == "erase"
                if step != "first boot":
                    at_work = _done(at_work, step)  # noqa: PLW2901 - the machine may have moved
    except HostFailed as error:
        is_erased = erased and not isinstance(error, Doubtful)
        log = error.log if isinstance(error, StepFailed) else ()
        return Result(error.kind, error.what, log=log, needs_a_person=is_erased)
    return _first_boot(job)


@contextmanager
def _packed(job: Job) -> Iterator[Job]:
    """Have the secrets at hand while the block lasts."""
    secrets = job.secrets
    named = {str(number): value for number, value in enumerate(secrets.keys.values())}
    with luggage(job.machine, secrets.host_key, secrets.public, named) as carried:
        keys = {there: carried.keys[str(number)] for number, there in enumerate(secrets.keys)}
        yield replace(job, order=replace(job.order, extra=carried.extra, keys=keys))


def _done(job: Job, step: Step) -> Job:
    """Have a step done; gives the job as it is to go on, for the machine may have moved."""
    lab, boot_id = job.lab, _looked_at(job, step)
    entry = lab.journal.begin(lab.run_id, job.machine, step, {"boot_id": boot_id})
    lab.tell(StageBegan(job.machine, step))
    try:
        if step == "kexec":
            job = _left(job)
        else:
            job.anywhere.do(job.order, step, job.installer, lab.machines)
    except HostFailed as error:
        lab.journal.end(entry, "failed", {"why": error.what})
        lab.tell(StageEnded(job.machine, step, "failed", error.what))
        raise
    lab.journal.end(entry, DONE, {"boot_id": boot_id})
    lab.tell(StageEnded(job.machine, step, DONE))
    return job


def _left(job: Job) -> Job:
    """Have the machine leave what it runs for an installer, which may have another address: the inventory's, then."""
    lab = job.lab
    stated = lab.machines[job.machine]
    there = replace(stated, ssh=stated.ssh.model_copy(update={"user": "root"}), host_key=job.installer.host_key)
    try:
        job.anywhere.do(job.order, "kexec", job.installer, lab.machines)
    except StepFailed:
        try:
            has_moved = what_runs(lab.network, there).is_installer
        except HostFailed:
            has_moved = False
        if not has_moved:
            raise
        return replace(job, installer=there)
    if not what_runs(lab.network, job.installer).is_installer:
        raise StepFailed("it runs what it ran before: no installer came up in its place", where=job.machine)
    return job


def _looked_at(job: Job, step: Step) -> str:
    """Give the boot that the machine is in; before its disks are erased, look at these once more.

    Raises Doubtful unless they are what was agreed to, now that the installer runs.
    """
    if step != "erase":
        return what_runs(job.lab.network, job.installer).boot_id
    try:
        seen = look(job.lab.network, job.installer)
    except HostFailed as error:
        raise Doubtful(error.what, where=job.machine) from None
    found = judge(job.lab.inventory, job.machine, job.wanted, seen, job.excuse)
    moved = () if found.identity == job.agreed else ("its disks are not those that were shown before",)
    if reasons := [*found.reasons, *moved]:
        raise Doubtful("; ".join(reasons), where=job.machine)
    return seen.standing.boot_id


def _first_boot(job: Job) -> Result:
    """Wait until the machine runs what was installed, under its own address and host key; then ask its checks."""
    lab, machine = job.lab, job.machine
    entry = lab.journal.begin(lab.run_id, machine, "first boot")
    lab.tell(StageBegan(machine, "first boot"))
    try:
        _await(job)
    except HostFailed as error:
        lab.journal.end(entry, "failed", {"why": error.what})
        lab.tell(StageEnded(machine, "first boot", "failed", error.what))
        return Result(error.kind, error.what, needs_a_person=True)
    with lab.noting_what_is_unwritten():
        lab.journal.end(entry, DEPLOYED)
    lab.tell(StageEnded(machine, "first boot", DONE))
    return _checked(job)


def _await(job: Job) -> None:
    until, last = time.monotonic() + job.lab.limits.boot, ""
    while True:
        try:
            with job.lab.shell(job.machine) as shell:
                current = host_state(job.machine, shell.run(SCRIPT, timeout=_STATE_PATIENCE)).current
            if current is not None and current.path == job.order.system:
                return
            reason = f"it runs {current.path if current is not None else 'something else'}, not what was installed"
        except HostKeyRefused as error:
            reason = _what_answers(job, error)
        except HostFailed as error:
            reason = error.what
        if time.monotonic() + _AGAIN > until:
            raise Lost(f"not after {lasting(job.lab.limits.boot)}: {reason}", where=job.machine)
        if reason != last:
            job.lab.tell(Progressed(job.machine, f"not yet: {reason}"))
        last = reason
        job.pause(_AGAIN)


def _what_answers(job: Job, error: HostKeyRefused) -> str:
    if error.key == job.installer.host_key:
        return (
            "the installer answers still: have its firmware start the disk first, and take the installer's medium out"
        )
    return error.what


def _checked(job: Job) -> Result:
    """Ask the machine's checks; what tells of it alone is given time to hold, others may not be installed yet."""
    lab, machine, runs = job.lab, job.machine, job.order.system
    own = {check.name for check in lab.checks.get(machine, ()) if not check.about}
    lab.tell(StageBegan(machine, "verify"))
    try:
        with lab.shell(machine) as shell:
            found = lab.look(shell, machine, waits_for=own, at_most=_SETTLING)
    except HostFailed as error:
        result = Result(INSTALLED, f"but its checks could not be asked: {error.what}", runs)
    else:
        objection = against({}, found)
        why = f"but not all is well: {objection}" if objection is not None else ""
        result = Result(INSTALLED, why, runs, remarks=remarks({}, found), is_well=objection is None)
    lab.tell(StageEnded(machine, "verify", "well" if result.is_well else "not well", result.why))
    return result
