"""What every machine is asked. Units that fail are no part of it: a deploy compares those by itself."""

from __future__ import annotations

from pyhomelab.checks.check import Check, script

_BOOTED = """
    state=$(systemctl is-system-running)
    case $state in
    running | degraded) ;;
    "") echo "systemd does not answer" && exit 1 ;;
    *) echo "systemd says: $state" && exit 1 ;;
    esac
"""
_WRITABLE = """
    for place in / /var /nix/var; do
        if [ -d "$place" ] && ! [ -w "$place" ]; then
            echo "$place takes no writes"
            exit 1
        fi
    done
"""


def base_checks(machine: str) -> list[Check]:
    """Ask whether a machine has come up and can write."""
    return [
        Check(
            "the system is up",
            "base",
            script(_BOOTED, needs=("systemctl",)),
            patience=120,
            mend=f"on {machine}, `systemctl list-jobs` says what is waited for, `journalctl -xb` what went wrong",
        ),
        Check(
            "the system's disks take writes",
            "base",
            script(_WRITABLE),
            patience=10,
            mend=f"on {machine}, `dmesg --level=err,warn` says why the kernel made them read-only",
        ),
    ]
