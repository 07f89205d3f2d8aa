"""A machine for host/supervisor.sh: its systems and their programs are small scripts that say what they were asked."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

SUPERVISOR = Path(__file__).parents[1] / "pyhomelab/host/supervisor.sh"
WORD = "a word"
_PATIENCE = 20.0
# /run is its own, and so is the tree of cgroups, in which nothing is to be found.
_INSIDE = """
mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /sys/fs/cgroup &&
mkdir /run/nixos && ln -s "$OLD" /run/current-system && exec "$@"
"""
_SWITCH = """\
#!/bin/sh
echo "{name} $1 check=${{NIXOS_NO_CHECK:-yes}}" >>"{calls}"
echo "{name}: $1" || exit 101
case $1 in
test) run() {{ {test}; }} ;;
boot) run() {{ {boot}; }} ;;
esac
is() {{ ln -sfn "$1" /run/current-system; }}
SELF={path}
run
"""
_SYSTEMCTL = """\
#!/bin/sh
case $1 in
is-system-running) cat "{place}/running" ;;
list-units) cat "{place}/failed" ;;
list-jobs) cat "{place}/jobs" ;;
*) echo "systemctl $*" >>"{place}/calls" ;;
esac
case $* in
"start dbus.socket") touch "{place}/dbus" ;;
esac
"""
_NIX_ENV = """\
#!/bin/sh
echo "nix-env $*" >>"{place}/calls"
[ ! -e "{place}/nix-env-fails" ] || exit 1
case $3 in
--set) ln -sfn "$4" "{place}/system-42-link"; ln -sfn system-42-link "$2" ;;
--switch-generation) ln -sfn "system-$4-link" "$2" ;;
esac
"""


@cache
def missing() -> str:
    """Why no such machine can be had here; empty when it can."""
    tried = subprocess.run([*_namespace(), "mount", "-t", "tmpfs", "tmpfs", "/run"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "a mount namespace of one's own cannot be made here"


def _namespace() -> list[str]:
    return ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]


@dataclass
class Machine:
    """A machine whose shell is `shell`; it runs the system `old` and is to try `new`."""

    place: Path
    shell: str
    activation: int = 2
    probation: int = 2
    said: str = ""
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.directory.mkdir()
        self.system("old", test="is $SELF", boot="true")
        self.system("new", test="is $SELF", boot="true")
        for name, text in (("running", "running\n"), ("failed", ""), ("jobs", ""), ("calls", "")):
            (self.place / name).write_text(text)
        tools = self.place / "old/sw/bin"
        tools.mkdir(parents=True)
        self._program(tools / "systemctl", _SYSTEMCTL.format(place=self.place))
        self._program(tools / "nix-env", _NIX_ENV.format(place=self.place))
        self._program(tools / "date", f'#!/bin/sh\necho date >>"{self.place}/calls"\n')
        (self.place / "system-41-link").symlink_to(self.place / "old")
        (self.place / "system").symlink_to("system-41-link")
        self.write("state", "armed\n")

    @property
    def directory(self) -> Path:
        """Where the order is, and the state."""
        return self.place / "run"

    def system(self, name: str, *, test: str, boot: str = "true", activate: str = "true") -> None:
        """A system whose programs do this; `is $SELF` is what makes it the running one."""
        path = self.place / name
        (path / "bin").mkdir(parents=True, exist_ok=True)
        calls = self.place / "calls"
        text = _SWITCH.format(name=name, calls=calls, test=test, boot=boot, path=path)
        self._program(path / "bin/switch-to-configuration", text)
        self._program(path / "activate", f'#!/bin/sh\necho "{name} activate" >>"{calls}"\n{activate}\n')

    def write(self, name: str, text: str) -> None:
        """Put a file beside the order, as a deployer does."""
        file = self.directory / f"{name}.written"
        file.write_text(text)
        file.rename(self.directory / name)

    def start(self, *arguments: str, **variables: str) -> None:
        """Start the supervisor."""
        order = {
            "RUN": "r1",
            "OLD": self.place / "old",
            "NEW": self.place / "new",
            "PROFILE": self.place / "system",
            "TOKEN_SHA256": hashlib.sha256(WORD.encode()).hexdigest(),
            "ACTIVATION_SECONDS": self.activation,
            "PROBATION_SECONDS": self.probation,
        }
        self.write("order", "".join(f"{name}={value}\n" for name, value in order.items()))
        supervisor = [self.shell, str(SUPERVISOR), str(self.directory), *arguments]
        self._process = subprocess.Popen(
            [*_namespace(), "sh", "-c", _INSIDE, "sh", *supervisor],
            env={"PATH": os.environ["PATH"], "OLD": str(self.place / "old"), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def wait_for(self, phase: str) -> None:
        """Wait until the supervisor is at something."""
        until = time.monotonic() + _PATIENCE
        while not self.state.startswith(phase):
            assert time.monotonic() < until, f"{self.state}, not {phase}"
            time.sleep(0.02)

    def tell(self, what: signal.Signals) -> None:
        """Send a signal to the supervisor."""
        assert self._process is not None
        self._process.send_signal(what)

    def ended(self) -> str:
        """Wait for the end of the supervisor; gives its last word. What it leaves behind ends with it, as in a unit."""
        assert self._process is not None
        self._process.wait(_PATIENCE)
        self._kill()
        self.said, _ = self._process.communicate()
        return self.state

    @property
    def state(self) -> str:
        """What the supervisor is at."""
        return (self.directory / "state").read_text().partition("\n")[0]

    @property
    def facts(self) -> dict[str, str]:
        """What else the supervisor wrote down."""
        lines = (self.directory / "state").read_text().splitlines()[1:]
        return dict(line.split("=", 1) for line in lines)

    @property
    def runs(self) -> str:
        """The system that ran when the supervisor last said something."""
        return Path(self.facts["current"]).name

    @property
    def calls(self) -> list[str]:
        """What the programs of the systems were asked, without what only asks systemd."""
        text = (self.place / "calls").read_text().replace(f"{self.place}/", "")
        return [line for line in text.splitlines() if not line.startswith("systemctl start default.target")]

    def stop(self) -> None:
        """Be gone."""
        if self._process is not None and self._process.poll() is None:
            self._kill()
            self._process.communicate()

    def _kill(self) -> None:
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    @staticmethod
    def _program(file: Path, text: str) -> None:
        file.write_text(text)
        file.chmod(0o755)
