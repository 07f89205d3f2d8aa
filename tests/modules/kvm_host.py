"""A host of guests without a hypervisor: a real libvirtd with its test driver, and the programs of the units."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.modules.harness import evaluate, script

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOBODY = 65534
_STORE_PATH = re.compile(r"/nix/store/[0-9a-z]{32}-([-.+_?=0-9a-zA-Z]+)")

_BETWEEN = "\x1f"
# Each records its name and arguments as a line, then does what its real namesake would.
_RECORD = """#!/usr/bin/env bash
set -o errexit -o nounset -o pipefail
printf '%s\\x1f' "$(basename "$0")" "$@" >>"$CALLS"
echo >>"$CALLS"
"""
_STAND_INS = {
    # Volumes are files in $VOLUMES that hold their size in bytes; `-` makes one a file system.
    "zfs": """
volume=$VOLUMES/${*: -1}
case $1 in
  list) [[ -e $volume ]] ;;
  get) cat "$volume" ;;
  create) mkdir -p "$(dirname "$volume")"; numfmt --from=iec "$5" >"$volume" ;;
  set) numfmt --from=iec "${2#volsize=}" >"$volume" ;;
esac
""",
    "udevadm": '[[ ${NO_DEVICES:-} == "" ]]',
    # DRBD's own words for a volume that no one has open, or a peer.
    "drbdadm": """
printf '%s role:Secondary\\n  disk:UpToDate\\n  dl2 role:%s\\n    peer-disk:UpToDate\\n' "$2" "${PEER:-Secondary}"
""",
    "systemctl": '[[ ${LIBVIRTD_IS_OFF:-} == "" ]]',
    # The test driver cannot resize a disk; STUBBORN guests do not hear the power button.
    "virsh": """
for word; do
  if [[ $word == blockresize || ( $word == shutdown && ${STUBBORN:-} != "" ) ]]; then exit 0; fi
done
PATH=$REAL_PATH exec virsh "$@"
""",
}


@dataclass(frozen=True)
class Done:
    """A program that ran: its exit code, and what it said."""

    code: int
    out: str
    err: str


class Host:
    """The programs of `modules`' units in one directory, with the stand-ins, and the libvirtd they talk to."""

    def __init__(self, directory: Path, uri: str) -> None:
        self.directory = directory
        self.uri = uri
        self._bin = directory / "bin"
        self._calls = directory / "calls"
        self._bin.mkdir()
        (directory / "volumes").mkdir()
        for name, text in _STAND_INS.items():
            self._install(name, f"{_RECORD}{text}")

    def switch(self, module: str) -> None:
        """Put the programs of this system in place of those of the last."""
        self._units = units_of(module)
        for name, text in programs(self._units).items():
            self._install(name, _STORE_PATH.sub(self._definition, text))

    def run(self, program: str, *arguments: str | Path, **environment: str) -> Done:
        """Run one of the host's programs."""
        words = [str(self._bin / program), *map(str, arguments)]
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=self._environment(environment),
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def do(self, unit: str, key: str = "ExecStart", **environment: str) -> Done:
        """Run the lines that systemd would run for a unit, until one fails."""
        out = err = ""
        for line in self._units[unit][key]:
            program, *arguments = line.rpartition("/bin/")[2].split()
            done = self.run(program, *arguments, **environment)
            out, err = out + done.out, err + done.err
            if done.code != 0:
                return Done(done.code, out, err)
        return Done(0, out, err)

    def virsh(self, *arguments: str | Path) -> str:
        """What the real virsh answers; it must succeed."""
        words = ["virsh", "-q", "-c", self.uri, *map(str, arguments)]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    def running(self) -> set[str]:
        """Names of the guests that run."""
        return set(self.virsh("list", "--name").split())

    def defined(self) -> set[str]:
        """Names of all guests libvirt knows."""
        return set(self.virsh("list", "--all", "--name").split())

    def calls(self, program: str) -> list[list[str]]:
        """Arguments of each call of a stand-in."""
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        words = [line.split(_BETWEEN)[:-1] for line in lines]
        return [arguments for name, *arguments in words if name == program]

    def volume(self, dataset: str, size: str | None = None) -> str | None:
        """Size of a ZFS volume in bytes (`-`: a file system), after making it of that size if one is given."""
        file = self.directory / "volumes" / dataset
        if size is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(size)
        return file.read_text().strip() if file.exists() else None

    def _definition(self, stored: re.Match[str]) -> str:
        """A file here that holds what is in the store's, if that is a guest's definition."""
        if not stored.group(1).startswith("etc-"):
            return stored.group(0)
        file = self.directory / stored.group(1)
        file.write_text(script(stored.group(0)))
        return str(file)

    def _install(self, name: str, text: str) -> None:
        program = self._bin / name
        program.write_text(re.sub(r"^#!\S*/bin/bash", "#!/usr/bin/env bash", text))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        path = os.environ["PATH"]
        return (
            os.environ
            | {
                "PATH": f"{self._bin}:{path}",
                "REAL_PATH": path,
                "LIBVIRT_DEFAULT_URI": self.uri,
                "CALLS": str(self._calls),
                "VOLUMES": str(self.directory / "volumes"),
            }
            | more
        )


def units_of(module: str) -> dict[str, dict[str, list[str]]]:
    """Lines that the guests' units run, by unit and key."""
    found: dict[str, dict[str, list[str]]] = evaluate(
        module,
        """
      lib.mapAttrs
        (_: unit: lib.mapAttrs (_: lib.toList) (
          lib.filterAttrs (key: _: lib.hasPrefix "Exec" key) unit.serviceConfig
        ))
        (lib.filterAttrs (name: _: lib.hasPrefix "homelab-guest" name) config.systemd.services)
    """,
    )
    return found


def programs(units: dict[str, dict[str, list[str]]]) -> dict[str, str]:
    """Text of every program that units start, and of those on the PATH of these."""
    found: dict[str, str] = {}
    seen = [line for unit in units.values() for lines in unit.values() for line in lines]
    while seen:
        for match in _STORE_PATH.finditer(seen.pop()):
            path, name = match.group(0), match.group(1)
            if name.startswith("homelab-guest") and name not in found:
                found[name] = script(path)
                seen.append(found[name])
    return found


@contextmanager
def libvirtd() -> Iterator[str]:
    """URI of a libvirtd of its own, run as nobody where it can be; its guests last as long as it, and run nothing."""
    # Not below pytest's directories: only their owner may enter those, and a socket's path may not be long.
    with tempfile.TemporaryDirectory(prefix="libvirtd-") as place:
        directory = Path(place)
        directory.chmod(0o777)
        with _daemon(directory) as daemon:
            try:
                socket = directory / "libvirt/libvirt-sock"
                _wait_for(socket, daemon, directory / "log")
                uri = f"test+unix:///default?socket={socket}"
                with _connected(uri):
                    yield uri
            finally:
                daemon.terminate()


def _daemon(directory: Path) -> subprocess.Popen[bytes]:
    configuration = directory / "libvirtd.conf"
    configuration.write_text('auth_unix_rw = "none"\n')
    places = {name: str(directory) for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    who: dict[str, Any] = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    with (directory / "log").open("w") as log:
        return subprocess.Popen(
            ["libvirtd", "--config", str(configuration), "--pid-file", str(directory / "pid")],
            stdout=log,
            stderr=log,
            cwd=directory,
            env=places | {"PATH": f"{os.environ['PATH']}:/usr/sbin"},
            **who,
        )


def _wait_for(socket: Path, daemon: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while not socket.exists():
        assert daemon.poll() is None, f"libvirtd ended: {log.read_text()}"
        assert time.monotonic() < deadline, f"libvirtd made no {socket}: {log.read_text()}"
        time.sleep(0.05)


@contextmanager
def _connected(uri: str) -> Iterator[None]:
    """Hold one connection open: the test driver forgets its guests with the last one."""
    words = ["virsh", "-q", "-c", uri]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        shell.stdin.write("echo ready\n")
        shell.stdin.flush()
        while (line := shell.stdout.readline()) and not line.rstrip().endswith("ready"):
            pass
        try:
            yield
        finally:
            shell.stdin.close()
            shell.terminate()
