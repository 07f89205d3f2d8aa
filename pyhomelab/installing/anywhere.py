"""One step of an installation, done by nixos-anywhere in a limited time, over ssh that demands the host key.

nixos-anywhere itself accepts any host key. But it starts the `ssh` that is on its PATH, and of two words on the same
option OpenSSH takes the first: so it gets one that goes the way of our own connections, and says ours first.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Timer
from typing import TYPE_CHECKING

from pyhomelab.errors import HostFailed, Refused
from pyhomelab.installing.installation import LIMITS, PROGRAM, arguments, too_old
from pyhomelab.nix.running import run_nix
from pyhomelab.process import CommandFailed, ToolMissing
from pyhomelab.shell.openssh import ssh_config
from pyhomelab.shell.route import route_to
from pyhomelab.telling.events import Progressed
from pyhomelab.text.nixlang import string
from pyhomelab.text.said import why_not_built
from pyhomelab.text.wording import harmless, lasting

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyhomelab.installing.installation import Order, Step
    from pyhomelab.machines.targets import Target
    from pyhomelab.process import Child, Children
    from pyhomelab.telling.events import Tell

_HEADING = "### "
_KEPT = 20
_NEEDS = "install it, or Nix, which fetches it: https://nixos.org/download"
_OURS = """\
#!/bin/sh
# Nobody is there any more who would hear how it ends: whoever goes on with it must not meet it there.
kill -0 {pid} || exit 255
exec {ssh} -F {config} -o StrictHostKeyChecking=yes -o UserKnownHostsFile={known} -o GlobalKnownHostsFile=none \\
    -o BatchMode=yes -o IdentitiesOnly={only} -o ServerAliveInterval=15 -o ServerAliveCountMax=4 "$@"
"""


class StepFailed(HostFailed):
    """A step did not come to its end; `log` are the last lines that nixos-anywhere said."""

    kind = "not installed"

    def __init__(self, what: str, *, where: str, log: Sequence[str] = ()) -> None:
        super().__init__(what, where=where)
        self.log = tuple(log)


@dataclass(frozen=True, slots=True)
class Anywhere:
    """The nixos-anywhere that is used, by its path, and who is told what it does."""

    path: str
    children: Children
    tell: Tell

    def do(self, order: Order, step: Step, target: Target, machines: Mapping[str, Target]) -> None:
        """Have it do a step on a machine that is reached as `target`; raises StepFailed, or Unreachable."""
        said: deque[str] = deque(maxlen=_KEPT)
        is_late = Event()

        def heard(line: str) -> None:
            text = harmless(line).strip()
            if text:
                said.append(text)
            if text.startswith(_HEADING):
                self.tell(Progressed(order.machine, text.strip("# ").rstrip(".")))

        argv = [self.path, *arguments(order, step)]
        with (
            _own_ssh(target, machines) as path,
            self.children.running(argv, needs=_NEEDS, environment={"PATH": path}, on_stderr=heard) as child,
            _limited(child, LIMITS[step], is_late),
        ):
            for line in child.lines():
                heard(line)
            ended = child.end()
        if is_late.is_set():
            raise StepFailed(f"{step} did not end within {lasting(LIMITS[step])}", where=order.machine, log=said)
        if ended.exit_code:
            raise StepFailed(f"{step} failed (exit {ended.exit_code})", where=order.machine, log=said)


def nixos_anywhere(flake: str, roots: Path, machine: str, children: Children, tell: Tell) -> Anywhere:
    """Find nixos-anywhere, or have Nix get it from the nixpkgs that the flake is pinned to.

    Raises Refused if there is none, or one that is too old.
    """
    path = shutil.which(PROGRAM) or _fetched(flake, roots, machine, children, tell)
    with children.running([path, "--help"], needs=_NEEDS) as child:
        usage = "\n".join(child.lines())
        ended = child.end()
    if ended.exit_code:
        last = (harmless(ended.stderr).strip().splitlines() or [f"exit {ended.exit_code}"])[-1].strip()
        raise Refused(f"{path} does not run: {last}", hint=f"see that `{PROGRAM} --help` does")
    unknown = too_old(f"{usage}\n{ended.stderr}")
    if unknown:
        raise Refused(
            f"{path} is too old: it does not know {unknown[0]}", hint="1.13 does; without one on PATH, Nix gets it"
        )
    return Anywhere(path, children, tell)


def _fetched(flake: str, roots: Path, machine: str, children: Children, tell: Tell) -> str:
    tell(Progressed(machine, f"getting {PROGRAM} by Nix, for it is not on PATH"))
    roots.mkdir(parents=True, exist_ok=True)
    nixpkgs = f"(builtins.getFlake {string(flake)}).inputs.nixpkgs"
    package = f"{nixpkgs}.legacyPackages.${{builtins.currentSystem}}.{PROGRAM}"
    words = ["build", "--impure", "--print-out-paths", "--out-link", str(roots / PROGRAM), "--expr", package]
    try:
        ended, paths = run_nix(words, machine, children, tell)
    except ToolMissing:
        raise Refused(f"{PROGRAM} is not on PATH, and Nix is not there to get it", hint=_NEEDS) from None
    if ended.exit_code or not paths:
        said = why_not_built(ended.stderr) or f"nix ended with {ended.exit_code}"
        raise Refused(f"{PROGRAM} is not on PATH, and Nix cannot get it\n{said}", hint=_NEEDS)
    return f"{paths[-1]}/bin/{PROGRAM}"


@contextmanager
def _limited(child: Child, seconds: float, is_late: Event) -> Iterator[None]:
    """Stop a program that is not done in time."""

    def stop() -> None:
        is_late.set()
        child.stop()

    timer = Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def _own_ssh(target: Target, machines: Mapping[str, Target]) -> Iterator[str]:
    """Give a PATH on which `ssh` is ours."""
    ssh = shutil.which("ssh")
    if ssh is None:
        raise CommandFailed("ssh is not on PATH", hint="install OpenSSH's client")
    with ssh_config(target, machines) as config, TemporaryDirectory(prefix="pyhomelab-") as directory:
        ours = Path(directory) / "ssh"
        known = config.with_name("known_hosts")
        text = _OURS.format(
            pid=os.getpid(),
            ssh=shlex.quote(ssh),
            config=shlex.quote(str(config)),
            known=shlex.quote(str(known)),
            # it would offer a key of its own alone; those of an agent have opened the machine to us
            only="yes" if route_to(target, machines).identities_only else "no",
        )
        ours.write_text(text, encoding="utf-8")
        ours.chmod(0o700)
        yield f"{directory}{os.pathsep}{os.environ.get('PATH', '')}"
