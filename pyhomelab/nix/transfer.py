"""A system that is built here → the same system in the store of its machine."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from pyhomelab.errors import HostFailed
from pyhomelab.nix.running import run_nix
from pyhomelab.shell.openssh import ssh_config
from pyhomelab.text.said import why_not_evaluated

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyhomelab.machines.targets import Target
    from pyhomelab.process import Children
    from pyhomelab.telling.events import Tell


class NotCopied(HostFailed):
    """The system did not arrive at its machine, which was left as it is."""

    kind = "not copied"


def copy_to(
    target: Target, machines: Mapping[str, Target], system: str, children: Children, tell: Tell = lambda _: None
) -> None:
    """Copy what a machine lacks of a system; the machine checks that it is signed. Raises NotCopied or Unreachable."""
    with ssh_config(target, machines) as config:
        ssh = {"NIX_SSHOPTS": shlex.join(["-F", str(config)])}
        ended, _ = run_nix(["copy", "--to", f"ssh-ng://{target.name}", system], target.name, children, tell, ssh)
    if ended.exit_code:
        raise NotCopied(f"its system could not be copied to it\n{why_not_evaluated(ended.stderr)}", where=target.name)
