"""Derivation → system in a store, held on to there, and signed if it is to leave this machine."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from pyhomelab.errors import HostFailed
from pyhomelab.nix.running import run_nix
from pyhomelab.shell.network import Network
from pyhomelab.shell.openssh import ssh_config
from pyhomelab.state.stations import BuildFailed, Built
from pyhomelab.telling.events import Building
from pyhomelab.text.said import why_not_built, why_not_evaluated

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pyhomelab.machines.targets import Target
    from pyhomelab.process import Children, Ended
    from pyhomelab.shell import Shell
    from pyhomelab.state.stations import Evaluated
    from pyhomelab.telling.events import Tell

_PATIENCE = 60.0
# As the user who logs in, who need not be root: the link in his home is a root of the collector all the same.
_KEEP = "mkdir -p .cache/pyhomelab && nix-store --realise {path} --add-root .cache/pyhomelab/system"


class BuildOn(StrEnum):
    """Who builds the system of a machine."""

    LOCAL = "local"
    """This machine."""
    HOST = "host"
    """The machine itself."""
    REMOTE = "remote"
    """This machine, with the builders that nix.conf names."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where systems are built: by whom, where they are held on to, and the key that signs them, if there is one."""

    on: BuildOn
    roots: Path
    key: Path | None
    machines: Mapping[str, Target] = field(default_factory=dict)


def build(evaluated: Evaluated, site: Site, children: Children, tell: Tell) -> Built | BuildFailed:
    """Build the system of one machine, all of it that can be built, whatever fails."""
    tell(Building(evaluated.host))
    if site.on is not BuildOn.HOST:
        return _here(evaluated, site, children, tell)
    target = site.machines[evaluated.host]
    try:
        with Network(site.machines) as network, ssh_config(target, site.machines) as config:
            network.open(target).close()  # says better than Nix does why a host cannot be reached
            built = _there(evaluated, config, children, tell)
            if isinstance(built, Built):
                return _kept(built, network.open(target))
            return built
    except HostFailed as error:
        return BuildFailed(evaluated.host, "; ".join(filter(None, (error.what, error.hint))))


def _here(evaluated: Evaluated, site: Site, children: Children, tell: Tell) -> Built | BuildFailed:
    host = evaluated.host
    site.roots.mkdir(parents=True, exist_ok=True)
    # The link is a root of the garbage collector: what was built is still there when it is deployed.
    argv = ["build", "--keep-going", "--print-out-paths", "--out-link", str(site.roots / host)]
    if site.on is BuildOn.LOCAL:
        argv += ["--builders", ""]  # without these words it is nix.conf that names them
    ended, paths = run_nix([*argv, f"{evaluated.drv_path}^out"], host, children, tell)
    if ended.exit_code:
        return _failed(host, ended)
    (toplevel,) = paths
    if site.key is None:
        return Built(host, toplevel, is_signed=False)
    # All that it needs, and before it is copied anywhere: a path that is there already gets no signature.
    sign = ["store", "sign", "--recursive", "--key-file", str(site.key), toplevel]
    ended, _ = run_nix(sign, host, children, tell)
    if ended.exit_code:
        return BuildFailed(host, f"it was built, but not signed\n{why_not_evaluated(ended.stderr)}")
    return Built(host, toplevel, is_signed=True)


def _there(evaluated: Evaluated, config: Path, children: Children, tell: Tell) -> Built | BuildFailed:
    host, store = evaluated.host, f"ssh-ng://{evaluated.host}"
    ssh = {"NIX_SSHOPTS": shlex.join(["-F", str(config)])}
    ended, _ = run_nix(["copy", "--derivation", "--to", store, evaluated.drv_path], host, children, tell, ssh)
    if ended.exit_code:
        return BuildFailed(host, f"its derivations could not be copied to it\n{why_not_evaluated(ended.stderr)}")
    argv = ["build", "--keep-going", "--print-out-paths", "--no-link", "--store", store]
    ended, paths = run_nix([*argv, f"{evaluated.drv_path}^out"], host, children, tell, ssh)
    if ended.exit_code:
        return _failed(host, ended)
    return Built(host, paths[0], is_signed=False, is_on_host=True)


def _kept(built: Built, shell: Shell) -> Built | BuildFailed:
    done = shell.run(_KEEP.format(path=shlex.quote(built.toplevel)), timeout=_PATIENCE)
    if done.exit_code:
        said = f"it was built there, but is not kept from the garbage collector\n{why_not_evaluated(done.stderr)}"
        return BuildFailed(built.host, said)
    return built


def _failed(host: str, ended: Ended) -> BuildFailed:
    if ended.was_killed:
        return BuildFailed(host, "nix was killed, most likely for want of memory")
    return BuildFailed(host, why_not_built(ended.stderr) or f"nix ended with {ended.exit_code}")
