"""What every machine is asked on demand: what grows for weeks before it breaks something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyhomelab.checks.check import NOT_JUDGED, Check, script
from pyhomelab.secrets.needed import secrets_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyhomelab.decide.overview import Overview

_MOST_USED = 90  # percent
_PATIENCE = 10
_NONE_FAILED = """
    failed=$(systemctl list-units --failed --plain --no-legend --no-pager --full) || exit 1
    [ -n "$failed" ] || exit 0
    while read -r unit _; do
        echo "$unit"
    done <<END
    $failed
    END
    exit 1
"""
_BOOTS_WHAT_IT_RUNS = f"""
    profile=/nix/var/nix/profiles/system
    runs=$(readlink -e /run/current-system) || {{ echo "it does not say what it runs"; exit {NOT_JUDGED}; }}
    boots=$(readlink -e "$profile") || {{ echo "it keeps no system that it would boot"; exit 1; }}
    for system in "$boots" "$boots"/specialisation/*; do
        [ "$(readlink -f "$system")" != "$runs" ] || exit 0
    done
    echo "it runs $runs, the next boot starts $boots"
    exit 1
"""
_HAS_ROOM = """
    code=0
    list=$(df --output=pcent,ipcent,target / /nix/store /var 2>/dev/null | sort -u)
    while read -r blocks files place; do
        for share in "$blocks space" "$files inodes"; do
            used=${share%%%*}
            case $used in
            "" | *[!0-9]*) continue ;;
            esac
            [ "$used" -lt "$MOST" ] || { echo "$used % of the ${share##* } of $place is used"; code=1; }
        done
    done <<END
    $list
    END
    exit "$code"
"""
_CLOCK_IS_RIGHT = """
    answer=$(timedatectl show --property=NTPSynchronized --value) || exit 1
    [ "$answer" = yes ] || { echo "no server has told it the time since it was booted, or for long"; exit 1; }
"""
_SECRETS_ARE_THERE = """
    missing=
    for name in $NAMES; do
        [ -s "/run/secrets/$name" ] || missing="$missing $name"
    done
    [ -z "$missing" ] || { echo "not in /run/secrets, or empty:$missing"; exit 1; }
"""


def upkeep_checks(overview: Overview, machine: str) -> Iterator[Check]:
    """Ask whether a machine would come back as it is, has room, knows the time, and could decrypt its secrets."""
    mend = f"on {machine}, `systemctl status UNIT` says why; `systemctl reset-failed UNIT` forgets what is over"
    yield _deep("no unit has failed", script(_NONE_FAILED, needs=("systemctl",)), mend)
    mend = f"`pyhomelab status --host {machine}` says more, `pyhomelab deploy --host {machine}` makes both one"
    yield _deep("the next boot starts what it runs now", script(_BOOTS_WHAT_IT_RUNS), mend)
    mend = (
        f"on {machine}, `nix-collect-garbage --delete-older-than 30d` removes old systems, `du -xhd1 /var` names more"
    )
    yield _deep(
        f"its file systems are filled to less than {_MOST_USED} %", script(_HAS_ROOM, MOST=str(_MOST_USED)), mend
    )
    mend = f"on {machine}, `timedatectl timesync-status` names the server that it asks, if that is its own service"
    yield _deep("its clock is synchronised", script(_CLOCK_IS_RIGHT, needs=("timedatectl",)), mend)
    names = [secret.name for secret in secrets_of(overview.inventory) if machine in secret.hosts]
    if names:
        mend = (
            f"`pyhomelab secret list` says for whom they are encrypted; on {machine}, `journalctl -b -t stage-2-init`"
        )
        yield _deep("its secrets are decrypted", script(_SECRETS_ARE_THERE, NAMES=" ".join(names)), mend)


def _deep(name: str, text: str, mend: str) -> Check:
    return Check(name, "base", text, _PATIENCE, mend, deep=True)
