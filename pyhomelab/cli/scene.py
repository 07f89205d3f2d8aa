"""What an installation works with: what was typed, the lab, and the secrets that the machine takes along."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyhomelab.cli.erasing import refuse_doubtful, refuse_unagreed, show_erasure
from pyhomelab.cli.rolling import Told, gear_of
from pyhomelab.deployment.runs import Limits
from pyhomelab.errors import Left, Refused
from pyhomelab.files.generated import refuse_stale
from pyhomelab.installing.install import INSTALLED, Job, Secrets, install
from pyhomelab.installing.installation import Order
from pyhomelab.inventory.load import load
from pyhomelab.lock import as_run
from pyhomelab.machines.selection import select
from pyhomelab.machines.targets import targets
from pyhomelab.nix.flakes import refuse_untracked
from pyhomelab.premises import Premises
from pyhomelab.secrets.needed import host_key_of, secrets_of
from pyhomelab.secrets.vault import host_key_file, opened, secrets_directory
from pyhomelab.telling.events import HostEnded, RunBegan, RunEnded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pyhomelab.cli.newcomer import Place
    from pyhomelab.cli.rolling import Gear
    from pyhomelab.cli.telling import Teller
    from pyhomelab.deployment.runs import Result
    from pyhomelab.installing.anywhere import Anywhere
    from pyhomelab.installing.erasure import Judgement, Wanted
    from pyhomelab.installing.installation import Step
    from pyhomelab.installing.meant import Seen
    from pyhomelab.machines.targets import Target
    from pyhomelab.model import Inventory
    from pyhomelab.nix.build import BuildOn
    from pyhomelab.secrets.needed import Secret


@dataclass(frozen=True, slots=True)
class Wish:
    """What was typed. `leaves` if the machine may leave what it runs for an installer in memory."""

    machine: str
    inventory: Path
    place: Place
    leaves: bool
    kexec_image: str | None
    agreed: bool
    build_on: BuildOn
    boot: int


@dataclass(frozen=True, slots=True)
class Installed:
    """An installation that is over, and the id of its run."""

    run_id: str
    result: Result


@dataclass(frozen=True, slots=True)
class Plans:
    """What is installed: the store paths of the system and of disko's scripts, and the disks that these are for.

    `keys` has the paths at which the installer must find the keys of pools, by the names of the secrets.
    """

    system: str
    erasing: str
    mounting: str
    disks: tuple[str, ...]
    keys: Mapping[str, str]

    @classmethod
    def read(cls, text: str) -> Plans:
        """Read what the journal has of it."""
        found = json.loads(text)
        return cls(**{**found, "disks": tuple(found["disks"])})


@dataclass(frozen=True, slots=True)
class Scene:
    """A machine to be installed, the lab that it comes into, and what the work needs."""

    wish: Wish
    lab: Inventory
    premises: Premises
    gear: Gear
    tell: Teller
    target: Target

    @property
    def machine(self) -> str:
        """The machine's name."""
        return self.target.name

    def secrets(self, places: Mapping[str, str]) -> Secrets:
        """Open what the machine takes along, its pools' keys by the places they must have; raises Refused."""
        directory = secrets_directory(self.wish.inventory)
        if self.target.host_key is None:
            raise Refused(
                "there is no host key for it yet, without which it could not be known again, or read a secret",
                where=str(host_key_file(directory, self.machine)),
                hint=f"`pyhomelab secret generate ssh-host-{self.machine}` makes it",
            )
        host_key = opened(host_key_of(self.machine), directory)
        keys = {place: opened(secret, directory) for secret in self.pool_keys if (place := places.get(secret.name))}
        return Secrets(host_key, self.target.host_key, keys)

    @property
    def pool_keys(self) -> list[Secret]:
        """The secrets that encrypt pools of the machine."""
        return [one for one in secrets_of(self.lab) if one.kind == "ZFS key" and self.machine in one.hosts]


@contextmanager
def scene_of(wish: Wish, tell: Teller) -> Iterator[Scene]:
    """Read the lab and open its journal; Ctrl-C leaves at once, with a sentence."""
    lab, premises = load(wish.inventory), Premises(wish.inventory)
    machines = targets(lab, wish.inventory)
    (machine,) = select((wish.machine,), machines)
    refuse_stale(lab, premises)
    refuse_untracked(premises.root, premises.directory)
    with gear_of(lab, machines, premises, tell) as gear:
        try:
            yield Scene(wish, lab, premises, gear, tell, machines[machine])
        except KeyboardInterrupt:
            raise Left(
                f"left at once; what was being done to {machine} may have been done or not",
                hint=f"`pyhomelab install {machine} --resume` goes on, if its disks were agreed to",
            ) from None


def agree(scene: Scene, seen: Seen, judgement: Judgement) -> None:
    """Show what would be erased; raises Refused if there is any doubt, or nobody agrees."""
    show_erasure(scene.machine, seen, judgement, scene.tell)
    refuse_doubtful(scene.machine, judgement)
    refuse_unagreed(scene.machine, judgement, scene.tell, agreed=scene.wish.agreed)


@dataclass(frozen=True, slots=True)
class Ready:
    """What was gathered: the way to the machine, what is installed by what, and the disks that were agreed to."""

    installer: Target
    plans: Plans
    anywhere: Anywhere
    wanted: tuple[Wanted, ...]
    agreed: str


def job_of(scene: Scene, run_id: str, ready: Ready, image: str | None) -> Job:
    """Put the installation together, and open what the machine takes along; raises Refused."""
    plans = ready.plans
    return Job(
        lab=scene.gear.lab(run_id, Told("install", Limits(boot=scene.wish.boot))),
        order=Order(scene.machine, plans.system, plans.erasing, plans.mounting, kexec=image),
        installer=ready.installer,
        anywhere=ready.anywhere,
        secrets=scene.secrets(plans.keys),
        wanted=ready.wanted,
        agreed=ready.agreed,
    )


def run(scene: Scene, job: Job, steps: Sequence[Step]) -> Installed:
    """Do the steps as the one program that is at work on the run, and say what became of the machine."""
    gear, run_id = scene.gear, job.lab.run_id
    scene.tell(RunBegan(run_id, "install", (scene.machine,)))
    # two runs are two programs' affair; a machine is one's alone
    with as_run(gear.own, f"install-{scene.machine}", "another pyhomelab"), as_run(gear.own, run_id, gear.by):
        result = install(job, steps)
    if result.became == INSTALLED:
        with job.lab.noting_what_is_unwritten():
            gear.journal.end_run(run_id)
    why = "; ".join(filter(None, (result.why, *result.remarks)))
    scene.tell(
        HostEnded(
            scene.machine,
            result.became,
            why,
            result.runs,
            result.log,
            is_well=result.is_well,
            needs_a_person=result.needs_a_person,
        )
    )
    scene.tell(RunEnded(run_id, result.is_well))
    return Installed(run_id, result)
