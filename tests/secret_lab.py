"""A lab whose secrets a test makes with the real sops, and `pyhomelab secret` as a person runs it."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from io import BytesIO, StringIO, TextIOWrapper
from typing import TYPE_CHECKING, Any

import pytest

from pyhomelab.cli.main import main
from tests.labs import REMOVED, Changes, written
from tests.secret_keys import make_key, opened, path_with_sops, public

if TYPE_CHECKING:
    from pathlib import Path

LAB: Changes = {
    "guests": REMOVED,
    "clusters.home.servers": ["dl1"],
    "clusters.home.agents": ["dl2"],
    "clusters.home.vip": REMOVED,
    "hosts.dl1.zfs.tank.datasets": {
        "files": {"snapshots": {}, "replicate": {"host": "dl3", "pool": "tank"}},
    },
}
WEB = {
    "on": "dl1",
    "cpus": 1,
    "memory": "1GiB",
    "disk": {"size": "8GiB", "on": "tank"},
    "links": {"lan": {"address": "192.168.10.40"}},
}
NAMES = ("syncoid-dl1-ssh-key", "drbd-vmstore", "k3s-home-token", "k3s-home-agent-token")


class Lab:
    """A lab in a directory of its own, with an admin whose private key the test has."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.keys = directory, directory.parent / "keys"
        self.admin = make_key(self.keys / "mika")
        self.write(LAB)

    @property
    def secrets(self) -> Path:
        """Where the secrets are to lie."""
        return self.directory / "hosts/secrets"

    def write(self, changes: Changes = LAB, *admins: Path) -> None:
        """Write the inventory, with further admins by their keys."""
        people = [{"name": key.name, "ssh_keys": [public(key)]} for key in (self.admin, *admins)]
        inventory = self.directory / "hosts/inventory.yaml"
        inventory.parent.mkdir(parents=True, exist_ok=True)
        inventory.write_text(json.dumps(written({"lab.admins": people} | changes)))

    def host_key(self, machine: str) -> Path:
        """Make a host key and tell the lab its public half; gives the private one."""
        key = make_key(self.keys / machine)
        (self.secrets / "hosts").mkdir(parents=True, exist_ok=True)
        (self.secrets / "hosts" / f"{machine}.pub").write_text(public(key) + "\n")
        return key

    def install(self, *machines: str) -> dict[str, Path]:
        """Make the host keys of machines that run; gives the private ones, which only they have."""
        return {machine: self.host_key(machine) for machine in machines or ("dl1", "dl2", "dl3")}

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `pyhomelab` in the lab as the admin, however it ends."""
        out, err, code = StringIO(), StringIO(), None
        own = {"PATH": path_with_sops(), "HOME": "/nonexistent", "SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(self.admin)}
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.directory)
            patch.setattr("sys.stdin", TextIOWrapper(BytesIO(stdin.encode("utf-8", "surrogateescape"))))
            for name in [name for name in os.environ if name.startswith(("SOPS_", "XDG_"))]:
                patch.delenv(name)
            for name, value in {**own, **environment}.items():
                patch.setenv(name, value)
            try:
                main(arguments)
            except SystemExit as end:
                code = end.code
        assert isinstance(code, int)
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    def secret(self, *arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `pyhomelab secret` in the lab, however it ends."""
        return self.run("secret", *arguments, stdin=stdin, **environment)

    def says(self, *arguments: str, stdin: str = "") -> list[str]:
        """What it prints when all is well."""
        done = self.secret(*arguments, stdin=stdin)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    def refusal(self, *arguments: str, stdin: str = "", **environment: str) -> str:
        """What it says when it refuses."""
        done = self.secret(*arguments, stdin=stdin, **environment)
        assert (done.returncode, done.stdout) == (3, "")
        return done.stderr.removesuffix("\n")

    def state(self, name: str) -> dict[str, Any]:
        """What `list --json` knows of a secret."""
        listed = json.loads("\n".join(self.says("list", "--json")))["secrets"]
        found: dict[str, Any] = next(secret for secret in listed if secret["name"] == name)
        return found

    def remarks(self) -> list[str]:
        """What `list` says below its table."""
        return [line for line in self.says("list") if not line.startswith(" ")]

    def files(self) -> dict[str, str]:
        """The files of the secrets, encrypted or public."""
        return {
            str(path.relative_to(self.secrets)): path.read_text() for path in self.secrets.rglob("*") if path.is_file()
        }

    def value(self, name: str) -> str:
        """A secret, as the admin reads it."""
        value = opened(self.secrets / f"{name}.yaml", admin=self.admin)
        assert value is not None
        return value
