"""What the tests of deployments add to the steps of all: a host that deploys, and generations of another."""


class OverSsh:
    """A host as its deployer reaches it; its console is lost when it reboots by itself."""

    def __init__(self, deployer: Booted, name: str, address: str) -> None:
        self.name = name
        self._deployer = deployer
        self._ssh = f"ssh -o BatchMode=yes -o ConnectTimeout=5 -o StrictHostKeyChecking=accept-new root@{address}"

    def execute(self, command: str, /) -> tuple[int, str]:
        """Run a command as root; gives its exit code and what it printed."""
        return self._deployer.execute(f"{self._ssh} {shlex.quote(command)}")

    def succeed(self, command: str) -> str:
        """Run a command that may not fail; gives what it printed."""
        code, said = self.execute(command)
        assert code == 0, f"{self.name}: {command}: exit {code}, {said}"
        return said

    def is_reached(self) -> bool:
        """Whether root can log in."""
        return self.execute("true")[0] == 0

    def wait(self) -> None:
        """Wait until root can log in."""
        until = time.monotonic() + _LONGEST
        while not self.is_reached():
            assert time.monotonic() < until, f"{self.name} is not reached"
            time.sleep(1)


def prepare(deployer: Booted, host: Booted, generations: list[str]) -> None:
    """Give a deployer the lab and what it logs in with, and a host its specialisations as generations 2 and up."""
    deployer.succeed(
        "install -d -m 0700 /root/.ssh",
        "install -m 0600 /etc/homelab/key /root/.ssh/id_ed25519",
        "mkdir -p /root/lab",
        "cp -rL --no-preserve=mode /etc/homelab/lab /root/lab/hosts",
        "mkdir -p /root/lab/hosts/secrets/hosts",
    )
    key = shlex.quote(host.succeed("cat /etc/ssh/ssh_host_ed25519_key.pub").strip())
    deployer.succeed(f"echo {key} > /root/lab/hosts/secrets/hosts/{host.name}.pub")
    profile = "nix-env --profile /nix/var/nix/profiles/system"
    assert generation(host) == "system-1-link"
    for name in generations:
        host.succeed(f"{profile} --set $(readlink -f /run/booted-system/specialisation/{name})")
    host.succeed(f"{profile} --switch-generation 1")


def generation(host: Booted | OverSsh) -> str:
    """Tell which generation a host starts when it boots."""
    return host.succeed("readlink /nix/var/nix/profiles/system").strip()


def go_to(deployer: Booted, host: str, arguments: str) -> tuple[int, str]:
    """Have the deployer bring a host to a generation; gives its exit code and what it said."""
    command = f"cd /root/lab && pyhomelab rollback --host {host} --yes {arguments} hosts"
    return deployer.execute(f"({command}) 2>&1")
