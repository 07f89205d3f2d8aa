"""An installation from the inventory to its end: what is needed is gathered, shown, agreed to, built and done."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from pyhomelab.cli.newcomer import bare_target, known
from pyhomelab.cli.scene import Plans, Ready, agree, job_of, run, scene_of
from pyhomelab.cli.tables import local
from pyhomelab.errors import Refused
from pyhomelab.installing.anywhere import nixos_anywhere
from pyhomelab.installing.bare import look
from pyhomelab.installing.blueprint import blueprint
from pyhomelab.installing.erasure import Excuse, Judgement, judge, left_out, wanted_disks
from pyhomelab.installing.installation import left_to_do, progress
from pyhomelab.nix.build import Site, build
from pyhomelab.nix.flakes import flake_of
from pyhomelab.nix.signing import signing_key_file
from pyhomelab.state.stations import BuildFailed
from pyhomelab.telling.events import Noted
from pyhomelab.text.wording import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyhomelab.cli.scene import Installed, Scene, Wish
    from pyhomelab.cli.telling import Teller
    from pyhomelab.installing.blueprint import Blueprint
    from pyhomelab.installing.erasure import Wanted
    from pyhomelab.machines.targets import Target


def install_anew(wish: Wish, tell: Teller) -> Installed:
    """Install a machine; raises Refused, with nothing changed, if there is any doubt or nobody agrees."""
    with scene_of(wish, tell) as scene:
        _mention_unfinished(scene)
        scene.secrets({one.name: one.name for one in scene.pool_keys})  # it may take a key that is not here
        gear, machine = scene.gear, scene.machine
        installer = known(bare_target(scene.target, wish.place), gear.network, wish.place.fingerprint, tell)
        seen = look(gear.network, installer)
        leaves = wish.leaves and not seen.standing.is_installer
        with flake_of(scene.premises.root, scene.premises.own) as flake:
            names = [secret.name for secret in scene.pool_keys]
            found = blueprint(flake, machine, names, gear.children)
            wanted = _wanted(scene, found.disks)
            judgement = judge(scene.lab, machine, wanted, seen, Excuse.WHAT_RUNS if leaves else Excuse.NONE)
            agree(scene, seen, judgement)
            plans = _built(scene, found)
            anywhere = nixos_anywhere(flake, scene.premises.own / "gcroots", machine, gear.children, tell)
        options = _options(wish, installer, plans, judgement)
        run_id = gear.journal.start_run("install", gear.by, {machine: plans.system}, options)
        job = job_of(scene, run_id, Ready(installer, plans, anywhere, wanted, judgement.identity), wish.kexec_image)
        steps = left_to_do(progress(()), seen.standing.boot_id, is_installer=seen.standing.is_installer)
        return run(scene, job, steps)


def _mention_unfinished(scene: Scene) -> None:
    run = scene.gear.journal.unfinished_install(scene.machine)
    if run is not None:
        began = f"{scene.machine}: an installation begun {local(run.began)} by {run.by} did not come to its end"
        scene.tell(Noted(f"{began}: --resume would go on with it, this begins anew"))


def _wanted(scene: Scene, devices: Sequence[str]) -> tuple[Wanted, ...]:
    missing = left_out(scene.lab, scene.machine, devices)
    if missing:
        raise Refused(
            f"its layout in the flake leaves out {listed(missing)}, which the inventory has",
            where=scene.machine,
            hint=f"see what hosts/{scene.machine}/extra.nix says of homelab.systemDisk, homelab.zfs and disko",
        )
    return wanted_disks(scene.lab, scene.machine, devices)


def _built(scene: Scene, found: Blueprint) -> Plans:
    """Build the system and disko's scripts, before anything is erased for them."""
    own, gear = scene.premises.own, scene.gear
    key = signing_key_file(own)
    paths = {}
    for what, evaluated in {"": found.system, "erasing": found.erasing, "mounting": found.mounting}.items():
        site = Site(scene.wish.build_on, own / "gcroots" / what, key if key.exists() else None)
        built = build(evaluated, site, gear.children, scene.tell)
        if isinstance(built, BuildFailed):
            raise Refused(
                f"its system could not be built\n{built.said}", where=scene.machine, hint="nothing was changed"
            )
        paths[what] = built.toplevel
    return Plans(paths[""], paths["erasing"], paths["mounting"], found.disks, dict(found.keys))


def _options(wish: Wish, installer: Target, plans: Plans, judgement: Judgement) -> dict[str, str]:
    """Give what whoever goes on with it has to know, as the journal has it: nothing secret."""
    return {
        "plans": json.dumps(asdict(plans)),
        "disks": judgement.identity,
        "host_key": str(installer.host_key),
        "address": wish.place.address or "",
        "port": str(wish.place.port or ""),
        "leaves": "yes" if wish.leaves else "",
        "kexec_image": wish.kexec_image or "",
    }
