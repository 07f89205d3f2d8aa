"""How long a deploy takes, beside the programs that it cannot do without; on test hosts with a real sshd and Nix.

Run as root: python benchmarks/deploy.py [HOSTS]. Bare is: of a build, one `nix build` of all machines; of a deploy that
changes nothing, `pyhomelab build` and one login to each machine; of one that changes three, one `nix build`, the copies
at the same time, and each machine's `switch-to-configuration test`, profile and `switch-to-configuration boot`, a
canary first.
"""

from __future__ import annotations

import sys
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from real_lab import ROUNDS, RealLab, real_lab, row
from rich.console import Console
from rich.table import Table

from tests.lab.systems import PROFILE, copy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.lab.hosts import LabHost

_CHANGED = 3
_VERSIONS = count(1)


def main() -> None:
    """Measure and print."""
    hosts = int(sys.argv[1]) if sys.argv[1:] else 20
    table = Table("deploy", "bare", "pyhomelab", "more", title=f"median of {ROUNDS}")
    with real_lab(hosts) as lab:
        names = list(lab.hosts)
        few = names[:_CHANGED]
        lines = (
            (f"{hosts} hosts, built", partial(lab.built, names), partial(_build, lab, names)),
            (f"{hosts} hosts, nothing to do", partial(_bare_look, lab, names), partial(_deploy, lab, names)),
            (f"{_CHANGED} hosts, another system", partial(_bare_change, lab, few), partial(_change, lab, few)),
        )
        for what, bare, ours in lines:
            table.add_row(*row(what, bare, ours))
    Console(width=110).print(table)


def _chosen(names: Sequence[str]) -> list[str]:
    return [word for name in names for word in ("--host", name)]


def _build(lab: RealLab, names: Sequence[str]) -> None:
    lab.pyhomelab("build", *_chosen(names))


def _bare_look(lab: RealLab, names: Sequence[str]) -> None:
    _build(lab, names)
    lab.on_each(names, lambda host: host.run("true"))


def _deploy(lab: RealLab, names: Sequence[str]) -> None:
    lab.pyhomelab("deploy", "--yes", *_chosen(names))


def _another(lab: RealLab, names: Sequence[str]) -> None:
    """Have machines want a system that nobody has built yet."""
    settings = f'{{ stub.packages.hello = "{next(_VERSIONS)}"; stub.services.web = {{ }}; }}\n'
    for name in names:
        (lab.directory / "hosts" / name / "extra.nix").write_text(settings)


def _change(lab: RealLab, names: Sequence[str]) -> None:
    _another(lab, names)
    _deploy(lab, names)


def _bare_change(lab: RealLab, names: Sequence[str]) -> None:
    _another(lab, names)
    systems = dict(zip(names, lab.built(names), strict=True))
    lab.on_each(names, lambda host: copy(host, systems[host.name], "--no-check-sigs"))

    def switch(host: LabHost) -> None:
        system = systems[host.name]
        command = f"{system}/bin/switch-to-configuration"
        host.run(f"{command} test && nix-env --profile {PROFILE} --set {system} && {command} boot")

    lab.on_each(names[:1], switch)
    lab.on_each(names[1:], switch)


if __name__ == "__main__":
    main()
