"""What a flake says of the installation of a machine: its system, the scripts of disko, and the disks that they erase.

All of it is evaluated in one go, so that what is shown to a person is what is done.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyhomelab.errors import Refused
from pyhomelab.nix.evaluation import nix_eval
from pyhomelab.nix.flakes import MACHINES
from pyhomelab.state.stations import Evaluated
from pyhomelab.text.nixlang import expression, string
from pyhomelab.text.said import why_not_evaluated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyhomelab.process import Children

_QUESTION = """\
config:
let
  built = one: {{
    drv = one.drvPath;
    out = one.outPath;
  }};
in
{{
  system = built config.system.build.toplevel;
  erasing = built config.system.build.diskoScript;
  mounting = built config.system.build.mountScript;
  disks = map (disk: disk.device) (builtins.attrValues config.disko.devices.disk);
  keys = builtins.map (name: config.sops.secrets.${{name}}.path) {keys};
}}
"""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The derivations of a machine's system and of the scripts that erase and mount its disks, which they name.

    `keys` has the paths at which the installer must find secrets, by their names.
    """

    system: Evaluated
    erasing: Evaluated
    mounting: Evaluated
    disks: tuple[str, ...]
    keys: Mapping[str, str]


def blueprint(reference: str, machine: str, keys: Sequence[str], children: Children) -> Blueprint:
    """Evaluate what installing a machine of a flake takes; `keys` are the secrets that encrypt its pools.

    Raises Refused if it cannot be evaluated.
    """
    question = _QUESTION.format(keys=expression(list(keys)))
    ended, said = nix_eval(f"{reference}#{MACHINES}.{string(machine)}.config", question, children)
    if ended.exit_code:
        raise Refused(
            f"its installation cannot be evaluated\n{why_not_evaluated(ended.stderr)}",
            where=machine,
            hint="nothing was changed",
        )
    found: dict[str, Any] = json.loads(said)
    system, erasing, mounting = (
        Evaluated(machine, found[part]["drv"], found[part]["out"]) for part in ("system", "erasing", "mounting")
    )
    return Blueprint(system, erasing, mounting, tuple(found["disks"]), dict(zip(keys, found["keys"], strict=True)))
