"""What happens to a machine, or to who deploys it: how it is done, and how it is undone where it does not end itself."""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab.deployer import PROBATION, Deployer
from tests.lab.moments import boot_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.lab.moments import Deploy

_SHORT = 2.0
_KEY = "/etc/ssh/ssh_host_ed25519_key"
_OTHER_KEY = f"mv {_KEY} {_KEY}.own && ssh-keygen -q -t ed25519 -N '' -f {_KEY} && systemctl restart ssh"
_OWN_KEY = f"mv {_KEY}.own {_KEY} && systemctl restart ssh"
# Each ends well only if it has done what it is for.
_RESTART_SSHD = "systemctl restart ssh && { pkill sshd-session || true; }"
_STOP_SSHD = "systemctl stop ssh; pkill sshd; ! systemctl --quiet is-active ssh"
_FULL_RUN = """
mount -o remount,size=2m /run && ! cat /dev/zero >/run/full && ! head -c 100000 /dev/zero >/run/more && rm /run/more
"""
_FULL_NIX = """
mkdir -p /small && mount -t tmpfs -o size=1m tmpfs /small && mkdir /small/up /small/work &&
  mount -t overlay -o lowerdir=/nix,upperdir=/small/up,workdir=/small/work overlay /nix &&
  ! cat /dev/zero >/small/full && ! head -c 100000 /dev/zero >/nix/more
"""
_COLLECT = "path=$(nix-store --add /etc/hostname) && nix-collect-garbage --delete-old && [ ! -e $path ]"
_KILL_SUPERVISOR = """
unit=$(systemctl list-units --plain --no-legend 'pyhomelab-*.service' | cut -d ' ' -f 1) &&
  kill -KILL "$(systemctl show --property=MainPID --value "$unit")"
"""
_OF_THE_SECOND = {"": "deployed", "committing": "in sync", "committed": "in sync"}


class NotDone(Exception):
    """What should have happened did not; the message says what happened instead."""


def _nothing(_: Deploy) -> None:
    return


def _power(deploy: Deploy) -> None:
    deploy.host.lose_power()
    deploy.host.power_on()
    deploy.host.reachable()


def _reboot(deploy: Deploy) -> None:
    """The machine restarts at once, unless it first has to end what it is at."""
    deploy.boot_id = boot_id(deploy.host)
    deploy.host.inside("systemctl --no-block reboot", check=False)
    if deploy.phase() != "committing":
        _rebooted(deploy)


def _rebooted(deploy: Deploy) -> None:
    deploy.until(deploy.has_rebooted)
    deploy.host.reachable()


def _cut(deploy: Deploy) -> None:
    deploy.host.cut_network()


def _blink(deploy: Deploy) -> None:
    time.sleep(_SHORT)
    deploy.host.restore_network()


def _restored(deploy: Deploy) -> None:
    deploy.until(deploy.has_decided)
    deploy.host.restore_network()


def _own_key(deploy: Deploy) -> None:
    deploy.until(deploy.has_decided)
    deploy.host.inside(_OWN_KEY)


def _awake(deploy: Deploy) -> None:
    time.sleep(PROBATION + _SHORT)
    deploy.deployer.let_go()


def _quiet(deploy: Deploy) -> None:
    """Wait until nobody is at work, neither here nor there."""
    deploy.until(deploy.deployer.has_ended)
    deploy.host.inside(
        "while systemctl list-units --plain --no-legend 'pyhomelab-*.service' | grep .; do sleep 0.3; done"
    )


def _second(deploy: Deploy) -> None:
    directory = deploy.directory.with_name(f"{deploy.directory.name}-second")
    shutil.copytree(deploy.directory, directory, symlinks=True, ignore=shutil.ignore_patterns("journal.*"))
    said = _OF_THE_SECOND.get(deploy.phase(), "refused")
    with Deployer(directory, [deploy.host.name], deploy.host.key) as second:
        second.agree()
        end = second.end()
    if end.became != {deploy.host.name: said}:
        raise NotDone(f"the second deployer said {end.became}, not {said}\n{end.err}")


def journal(directory: Path) -> Path:
    """The file that fills the disk of what pyhomelab keeps for a lab."""
    return directory / ".pyhomelab/full"


@contextmanager
def small_journal(directory: Path) -> Iterator[None]:
    """Put what pyhomelab keeps for a lab on a small disk of its own."""
    own, kept = directory / ".pyhomelab", directory / "kept"
    own.rename(kept)
    own.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", own], check=True)
    try:
        shutil.copytree(kept, own, symlinks=True, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", own], check=True)


def _fill_journal(deploy: Deploy) -> None:
    with suppress(OSError), journal(deploy.directory).open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def _script(text: str) -> Callable[[Deploy], None]:
    def strike(deploy: Deploy) -> None:
        deploy.host.inside(text)

    return strike


@dataclass(frozen=True)
class Strike:
    """What is done at the moment, what when the deploy has been let go, and what before the next deploy."""

    strike: Callable[[Deploy], None]
    heal: Callable[[Deploy], None] = _nothing
    mend: Callable[[Deploy], None] = _nothing
    fills_journal: bool = False


STRIKES: Mapping[str, Strike] = {
    "power": Strike(_power),
    "reboot": Strike(_reboot, _rebooted),
    "blink": Strike(_cut, _blink),
    "cut": Strike(_cut, _restored),
    "sshd-restarts": Strike(_script(_RESTART_SSHD)),
    "sshd-stops": Strike(_script(_STOP_SSHD)),
    "other-key": Strike(_script(_OTHER_KEY), _own_key),
    "killed": Strike(lambda deploy: deploy.deployer.kill(), _quiet),
    "asleep": Strike(lambda deploy: deploy.deployer.hold(), _awake),
    "second": Strike(_second),
    "journal-full": Strike(
        _fill_journal, _quiet, lambda deploy: journal(deploy.directory).unlink(), fills_journal=True
    ),
    "run-full": Strike(_script(_FULL_RUN), mend=_script("rm /run/full")),
    "nix-full": Strike(_script(_FULL_NIX), mend=_script("umount --lazy /nix")),
    "collector": Strike(_script(_COLLECT)),
    "supervisor": Strike(_script(_KILL_SUPERVISOR)),
}
