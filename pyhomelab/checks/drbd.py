"""DRBD volumes: the copy is the newest, the peers are there, and somebody may write.

The words of `drbdadm` are those of DRBD 9, where each peer has a connection, and of 8.4, where a resync is a state of
the one connection.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from pyhomelab.checks.check import NOT_JUDGED, Check, script
from pyhomelab.decide.volumes import quorum
from pyhomelab.text.wording import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.decide.overview import Overview

_PATIENCE = 300
# As homelab-drbd-<volume> does: the module of a version that is new to a machine comes with its next boot.
_LOADED = f"""
    loaded=
    [ ! -r /sys/module/drbd/version ] || read -r loaded </sys/module/drbd/version
    case $loaded in
    "$VERSION".*) ;;
    *) echo "the running kernel has DRBD ${{loaded:-not at all}}, not $VERSION: reboot" && exit {NOT_JUDGED} ;;
    esac
"""
_UP_TO_DATE = """
    states=$(drbdadm dstate "$VOLUME") || exit 1
    case ${states%%/*} in
    UpToDate) ;;
    *) echo "this copy is ${states%%/*}" && exit 1 ;;
    esac
"""
_CONNECTED = """
    states=$(drbdadm cstate "$VOLUME") || { echo "$states" && exit 1; }
    connected=0
    for state in $states; do
        case $state in
        Connected | Sync* | PausedSync* | StartingSync* | Verify* | WFBitMap* | WFSyncUUID | Ahead | Behind)
            connected=$((connected + 1))
            ;;
        *) echo "a connection is $state" ;;
        esac
    done
    [ "$connected" -ge "$PEERS" ] || { echo "connected to $connected of $PEERS"; exit 1; }
"""
_MAY_WRITE = """
    status=$(drbdadm status "$VOLUME") || exit 1
    case $status in
    *quorum:no* | *suspended:*) echo "too few of its hosts are connected, so nobody may write here" && exit 1 ;;
    esac
"""
# The comparison marks what differs; the mark stays until it was copied again, over restarts too.
_COPIES_ARE_EQUAL = f"""
    show() {{ # PROPERTY UNIT
        systemctl show --property="$1" --value -- "$UNIT.$2"
    }}
    [ "$(show LoadState timer)" = loaded ] || {{ echo "there is no $UNIT.timer here"; exit {NOT_JUDGED}; }}
    [ "$(show ActiveState timer)" = active ] || {{ echo "$UNIT.timer is not active"; exit 1; }}
    [ "$(show ActiveState service)" != activating ] || exit 0
    if [ "$(show Result service)" != success ]; then
        echo "the last comparison failed"
        journalctl --quiet --no-pager --output=cat --lines=1 "_SYSTEMD_UNIT=$UNIT.service"
        exit 1
    fi
    status=$(drbdsetup status "$VOLUME" --verbose --statistics) || exit 1
    differing=$(printf '%s\\n' "$status" | grep -o 'out-of-sync:[1-9][0-9]*' | tr '\\n' ' ')
    [ -z "$differing" ] || {{ echo "the copies differ, in KiB: $differing"; exit 1; }}
    case $(show LastTriggerUSec timer)$(show ExecMainExitTimestamp service) in
    *[0-9]*) ;;
    *) echo "they were not compared yet" && exit {NOT_JUDGED} ;;
    esac
"""


def drbd_checks(overview: Overview, machine: str) -> Iterator[Check]:
    """Ask a replica for its copy, and every member of a volume for its peers."""
    asked = partial(_check, overview.inventory.lab.drbd_version)
    for name in overview.volumes_of.get(machine, []):
        volume = overview.inventory.volumes[name]
        peers = [member for member in (*volume.replicas, *filter(None, [volume.witness])) if member != machine]
        see = f"on {machine}, `drbdadm status {name}` and `journalctl -eu homelab-drbd-{name}` say how it is"
        if machine in volume.replicas:
            mend = f"{see}; it catches up by itself while a peer is connected"
            yield asked(name, f"this copy of volume {name} is UpToDate", _UP_TO_DATE, mend)
        together = f"volume {name} is connected to {listed(peers)}"
        mend = f"{see}; `drbdadm adjust {name}` on both sides connects them, unless they wrote apart (StandAlone)"
        yield asked(name, together, _CONNECTED, mend, PEERS=str(len(peers)))
        if quorum(volume) == "majority" and machine in volume.replicas:
            mend = f"{see}; start the hosts of the volume that are away"
            yield asked(name, f"volume {name} has its quorum", _MAY_WRITE, mend)
        if volume.verify is not None and len(volume.replicas) > 1 and machine == volume.replicas[0]:
            yield _compared(machine, name, overview.inventory.lab.drbd_version)


def _check(version: str, volume: str, name: str, text: str, mend: str, **values: str) -> Check:
    asked = script(_LOADED + text, needs=("drbdadm",), VERSION=version, VOLUME=volume, **values)
    return Check(name, "drbd", asked, _PATIENCE, mend, volume)


def _compared(machine: str, volume: str, version: str) -> Check:
    unit = f"homelab-drbd-{volume}-verify"
    mend = (
        f"on {machine}, `systemctl start {unit}` compares them now, `journalctl -eu {unit}` says what it found; "
        f"after `drbdadm disconnect {volume}`, `drbdadm connect {volume}` copies what differs"
    )
    check = _check(version, volume, f"the copies of volume {volume} are equal", _COPIES_ARE_EQUAL, mend, UNIT=unit)
    return replace(check, patience=10, deep=True)
