"""The steps of an installation, what is left of them, and the words for each."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pyhomelab.deployment.journal import Entry
from pyhomelab.installing.installation import LIMITS, PHASES, Order, Progress, arguments, left_to_do, progress, too_old
from tests.modules.sources import ROOT

if TYPE_CHECKING:
    from pyhomelab.installing.installation import Step

NOW = datetime(2026, 5, 1, tzinfo=UTC)
SYSTEM, ERASING, MOUNTING = "/nix/store/1-system", "/nix/store/2-disko", "/nix/store/3-disko-mount"
ORDER = Order(
    "dl1",
    SYSTEM,
    ERASING,
    MOUNTING,
    extra=Path("/run/user/1/extra"),
    keys={"/run/secrets/zfs-dl1-tank": Path("/run/user/1/keys/0")},
    kexec="https://example.org/kexec.tar.gz",
)
COMMON = ["--build-on", "local"]
KEY = ["--disk-encryption-keys", "/run/secrets/zfs-dl1-tank", "/run/user/1/keys/0"]


@pytest.mark.parametrize(
    ("step", "phase", "script", "own"),
    [
        ("kexec", "kexec", ERASING, ["--kexec", "https://example.org/kexec.tar.gz"]),
        ("erase", "disko", ERASING, KEY),
        ("mount", "disko", MOUNTING, KEY),
        ("install", "install", ERASING, ["--extra-files", "/run/user/1/extra"]),
        ("restart", "reboot", ERASING, []),
    ],
)
def test_each_step_is_one_phase_with_the_secrets_that_it_needs_and_no_others(
    step: Step, phase: str, script: str, own: list[str]
) -> None:
    assert arguments(ORDER, step) == [
        *["--phases", phase, "--store-paths", script, SYSTEM],
        *COMMON,
        *own,
        *["--target-host", "dl1"],
    ]


def test_what_was_not_asked_for_is_not_said() -> None:
    plain = Order("dl1", SYSTEM, ERASING, MOUNTING)
    for step in PHASES:
        assert not {"--kexec", "--extra-files", "--disk-encryption-keys", "--flake"} & {*arguments(plain, step)}


def test_every_step_that_nixos_anywhere_does_has_its_time() -> None:
    assert LIMITS.keys() == PHASES.keys()


def test_a_nixos_anywhere_that_lacks_an_option_is_too_old() -> None:
    usage = (ROOT / "tests/anywhere/usage").read_text()
    assert too_old(usage) == ()
    assert too_old(usage.replace("--store-paths", "").replace("--phases", "")) == ("--store-paths", "--phases")


def entry(stage: str, outcome: str | None, boot: str = "b1") -> Entry:
    """A step in the journal."""
    return Entry(1, "dl1", stage, NOW, NOW if outcome else None, outcome, {"boot_id": boot})


@pytest.mark.parametrize(
    ("entries", "boot_id", "is_installer", "steps"),
    [
        ([], "b1", True, ["erase", "install", "restart", "first boot"]),
        ([], "b1", False, ["kexec", "erase", "install", "restart", "first boot"]),
        # the installer came up, though nobody heard of it
        ([entry("kexec", None)], "b2", True, ["erase", "install", "restart", "first boot"]),
        ([entry("kexec", "failed")], "b1", False, ["kexec", "erase", "install", "restart", "first boot"]),
        ([entry("erase", None)], "b1", True, ["erase", "install", "restart", "first boot"]),
        ([entry("erase", "failed")], "b1", True, ["erase", "install", "restart", "first boot"]),
        ([entry("erase", "done")], "b1", True, ["install", "restart", "first boot"]),
        ([entry("erase", "done")], "b2", True, ["mount", "install", "restart", "first boot"]),
        ([entry("erase", "done")], "b2", False, ["kexec", "mount", "install", "restart", "first boot"]),
        ([entry("erase", "done"), entry("install", None)], "b1", True, ["install", "restart", "first boot"]),
        (
            [entry("erase", "done"), entry("mount", "done", "b2"), entry("install", "failed", "b2")],
            "b2",
            True,
            ["install", "restart", "first boot"],
        ),
        ([entry("erase", "done"), entry("install", "done")], "b1", True, ["restart", "first boot"]),
        ([entry("erase", "done"), entry("install", "done")], "b2", True, ["restart", "first boot"]),
        ([entry("erase", "done"), entry("install", "done")], "b2", False, ["first boot"]),
        ([entry("erase", "done"), entry("install", "done"), entry("restart", None)], None, False, ["first boot"]),
    ],
)
def test_what_is_left_to_do(
    entries: list[Entry],
    boot_id: str | None,
    is_installer: bool,  # noqa: FBT001 - a column
    steps: list[str],
) -> None:
    assert list(left_to_do(progress(entries), boot_id, is_installer=is_installer)) == steps


@pytest.mark.parametrize(
    ("entries", "known"),
    [
        ([], Progress(frozenset(), None, None)),
        ([entry("kexec", "done")], Progress(frozenset({"kexec"}), None, None)),
        ([entry("erase", None)], Progress(frozenset(), "erase", None)),
        ([entry("erase", "failed"), entry("erase", "done", "b2")], Progress(frozenset({"erase"}), None, "b2")),
    ],
)
def test_only_what_is_known_to_have_been_done_counts(entries: list[Entry], known: Progress) -> None:
    assert progress(entries) == known


@pytest.mark.parametrize(
    ("entries", "has"),
    [([], False), ([entry("kexec", None)], False), ([entry("erase", None)], True), ([entry("erase", "done")], True)],
)
def test_disks_may_be_gone_as_soon_as_erasing_has_begun(entries: list[Entry], has: bool) -> None:  # noqa: FBT001 - a column
    assert progress(entries).has_erased is has
