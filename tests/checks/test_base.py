from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.checks.asking import Here, asked, check_of, stand_in
from tests.modules.programs import apart, needs

if TYPE_CHECKING:
    from pathlib import Path

UP = "the system is up"
WRITES = "the system's disks take writes"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("echo running", (0, "")),
        ("echo degraded; exit 1", (0, "")),  # which units failed is compared elsewhere
        ("echo starting; exit 1", (1, "systemd says: starting")),
        ("echo maintenance; exit 1", (1, "systemd says: maintenance")),
        ("echo stopping; exit 1", (1, "systemd says: stopping")),
        ("exit 1", (1, "systemd does not answer")),
    ],
)
def test_a_system_is_up_or_says_what_it_is_at(tmp_path: Path, answer: str, expected: tuple[int, str]) -> None:
    systemctl = f'[ "$*" = is-system-running ] || exit 2\n{answer}'
    assert asked(check_of("dl1", UP), Here(stand_in(tmp_path / "bin", systemctl=systemctl))) == expected


@needs("util-linux", "unshare", "mount")
@pytest.mark.parametrize(
    ("mounts", "expected"),
    [
        ("mount -t tmpfs tmpfs /var", "code 0"),
        ("mount -t tmpfs -o ro tmpfs /var", "/var takes no writes\ncode 1"),
        ("mount -t tmpfs tmpfs /var; mount -o remount,ro /var", "/var takes no writes\ncode 1"),
    ],
)
def test_a_disk_that_the_kernel_made_read_only_is_named(mounts: str, expected: str) -> None:
    done = apart('eval "$1"; set +e; sh -c "$2"; echo "code $?"', mounts, check_of("dl1", WRITES).script)
    assert done.stdout.strip() == expected
