"""An installation that was cut short: what of it was done is found out, and the rest is done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pyhomelab.cli.erasing import refuse_doubtful
from pyhomelab.cli.newcomer import bare_target
from pyhomelab.cli.scene import Plans, Ready, agree, job_of, run, scene_of
from pyhomelab.errors import HostFailed, Refused
from pyhomelab.installing.anywhere import nixos_anywhere
from pyhomelab.installing.bare import look
from pyhomelab.installing.erasure import Excuse, judge, wanted_disks
from pyhomelab.installing.installation import left_to_do, progress
from pyhomelab.nix.flakes import flake_of

if TYPE_CHECKING:
    from pyhomelab.cli.scene import Installed, Scene, Wish
    from pyhomelab.cli.telling import Teller
    from pyhomelab.deployment.journal import Run
    from pyhomelab.installing.erasure import Wanted
    from pyhomelab.installing.installation import Progress, Step
    from pyhomelab.installing.meant import Seen
    from pyhomelab.machines.targets import Target


def install_further(wish: Wish, tell: Teller) -> Installed:
    """Go on with an installation that was cut short; raises Refused if there is none, or it is not the same machine."""
    with scene_of(wish, tell) as scene:
        gear, machine = scene.gear, scene.machine
        begun = gear.journal.unfinished_install(machine)
        if begun is None:
            hint = f"`pyhomelab install {machine}` begins anew"
            raise Refused("there is nothing to resume", where=machine, hint=hint)
        so_far, plans = progress(gear.journal.entries(begun.id)), Plans.read(begun.options["plans"])
        _refuse_collected(machine, plans)
        installer = _as_before(scene, begun)
        wanted = wanted_disks(scene.lab, machine, plans.disks)
        seen = _seen_again(scene, installer, so_far)
        steps = _left(so_far, seen)
        if seen is not None and steps != ("first boot",):
            _refuse_another(scene, begun, wanted, seen, steps)
        with flake_of(scene.premises.root, scene.premises.own) as flake:
            anywhere = nixos_anywhere(flake, scene.premises.own / "gcroots", machine, gear.children, tell)
        ready = Ready(installer, plans, anywhere, wanted, begun.options["disks"])
        job = job_of(scene, begun.id, ready, wish.kexec_image or begun.options["kexec_image"] or None)
        return run(scene, replace(job, excuse=_excuse_of_a_try(so_far)), steps)


def _left(so_far: Progress, seen: Seen | None) -> tuple[Step, ...]:
    if seen is None:
        return left_to_do(so_far, None, is_installer=False)
    return left_to_do(so_far, seen.standing.boot_id, is_installer=seen.standing.is_installer)


def _excuse_of_a_try(so_far: Progress) -> Excuse:
    return Excuse.AN_EARLIER_TRY if so_far.has_erased else Excuse.NONE


def _as_before(scene: Scene, begun: Run) -> Target:
    """Give the way to the machine as the run had it, at another address if one was typed."""
    place = scene.wish.place
    if place.address is None:
        port = begun.options["port"]
        place = replace(place, address=begun.options["address"] or None, port=int(port) if port else None)
    return replace(bare_target(scene.target, place), host_key=begun.options["host_key"])


def _seen_again(scene: Scene, installer: Target, so_far: Progress) -> Seen | None:
    """Look at the machine; None if it does not answer as an installer any more, which it need not."""
    try:
        return look(scene.gear.network, installer)
    except HostFailed as error:
        if "install" in so_far.done:
            return None
        raise Refused(
            error.what,
            where=scene.machine,
            hint=f"start it from the installer, and give its address by --address; {error.hint}",
        ) from None


def _refuse_another(scene: Scene, begun: Run, wanted: tuple[Wanted, ...], seen: Seen, steps: tuple[Step, ...]) -> None:
    """Raise Refused unless it is the machine that was being installed; before disks are erased, ask once more."""
    so_far = progress(scene.gear.journal.entries(begun.id))
    leaves = not seen.standing.is_installer and (scene.wish.leaves or bool(begun.options["leaves"]))
    excuse = Excuse.WHAT_RUNS if leaves else _excuse_of_a_try(so_far)
    judgement = judge(scene.lab, scene.machine, wanted, seen, excuse)
    if judgement.identity != begun.options["disks"]:
        raise Refused(
            "it has other disks than the machine that was being installed",
            where=scene.machine,
            hint=f"correct its address, or begin anew with `pyhomelab install {scene.machine}`",
        )
    if "erase" in steps:
        agree(scene, seen, judgement)
    else:
        refuse_doubtful(scene.machine, judgement)


def _refuse_collected(machine: str, plans: Plans) -> None:
    if not all(Path(path).exists() for path in (plans.system, plans.erasing, plans.mounting)):
        hint = f"`pyhomelab install {machine}` begins anew"
        raise Refused("what was built for it is not here any more", where=machine, hint=hint)
