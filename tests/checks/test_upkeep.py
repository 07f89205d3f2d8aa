"""What grows for weeks before it breaks something: by this machine's tools, in places of their own."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from pyhomelab.checks import checks_of
from tests.checks.asking import Here, asked, check_of, stand_in
from tests.labs import lab

if TYPE_CHECKING:
    from pathlib import Path

FAILED = "no unit has failed"
BOOTS = "the next boot starts what it runs now"
ROOM = "its file systems are filled to less than 90 %"
CLOCK = "its clock is synchronised"
SECRETS = "its secrets are decrypted"


def test_units_that_failed_are_named(tmp_path: Path) -> None:
    line = '[ "$*" = "list-units --failed --plain --no-legend --no-pager --full" ] || exit 2\n'
    here = Here(stand_in(tmp_path / "bin", systemctl=line))
    assert asked(check_of("dl1", FAILED), here) == (0, "")
    rows = "nginx.service loaded failed failed web\nbackup.service loaded failed failed nightly"
    stand_in(tmp_path / "bin", systemctl=f"{line}echo {shlex.quote(rows)}")
    assert asked(check_of("dl1", FAILED), here) == (1, "nginx.service\nbackup.service")


def test_a_systemd_that_does_not_answer_is_no_proof_that_no_unit_failed(tmp_path: Path) -> None:
    here = Here(stand_in(tmp_path / "bin", systemctl="echo 'Failed to connect to bus' >&2; exit 1"))
    assert asked(check_of("dl1", FAILED), here) == (1, "Failed to connect to bus")


class Systems:
    """A machine's systems in a directory: what it runs, and what it would boot."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.here = Here(
            stand_in(place / "bin"),
            {"/run/current-system": f"{place}/current", "/nix/var/nix/profiles/system": f"{place}/profile"},
        )
        for name in ("old", "new", "special"):
            (place / name / "specialisation").mkdir(parents=True)

    def link(self, name: str, system: str) -> None:
        """Point a link at a system."""
        (self.place / name).unlink(missing_ok=True)
        (self.place / name).symlink_to(self.place / system)

    def said(self) -> tuple[int, str]:
        """What the check says."""
        return asked(check_of("dl1", BOOTS), self.here)


@pytest.fixture
def systems(tmp_path: Path) -> Systems:
    return Systems(tmp_path)


def test_a_machine_that_boots_what_it_runs_is_well(systems: Systems) -> None:
    systems.link("current", "new")
    systems.link("profile-2-link", "new")
    systems.link("profile", "profile-2-link")
    assert systems.said() == (0, "")


def test_a_machine_that_runs_a_form_of_what_it_boots_is_well(systems: Systems) -> None:
    (systems.place / "new/specialisation/quiet").symlink_to(systems.place / "special")
    systems.link("current", "special")
    systems.link("profile", "new")
    assert systems.said() == (0, "")


def test_a_system_that_was_only_tried_is_lost_by_the_next_boot(systems: Systems) -> None:
    systems.link("current", "new")
    systems.link("profile", "old")
    place = systems.place
    assert systems.said() == (1, f"it runs {place}/new, the next boot starts {place}/old")


def test_a_machine_without_systems_is_told_apart(systems: Systems) -> None:
    assert systems.said() == (69, "it does not say what it runs")
    systems.link("current", "new")
    assert systems.said() == (1, "it keeps no system that it would boot")


def room(tmp_path: Path, *rows: str) -> tuple[int, str]:
    asks = '[ "$*" = "--output=pcent,ipcent,target / /nix/store /var" ] || exit 2\n'
    table = "\n".join(["Use% IUse% Mounted on", *rows])
    return asked(check_of("dl1", ROOM), Here(stand_in(tmp_path / "bin", df=f"{asks}echo {shlex.quote(table)}")))


def test_a_file_system_with_room_is_well_and_this_machine_can_be_asked(tmp_path: Path) -> None:
    assert room(tmp_path, " 89%    5% /", " 12%     - /var") == (0, "")
    code, said = asked(check_of("dl1", ROOM), Here(stand_in(tmp_path / "own")))
    assert (code == 0) == (said == "")
    assert "df:" not in said


def test_a_file_system_that_is_nearly_full_is_named_once(tmp_path: Path) -> None:
    assert room(tmp_path, " 90%    5% /", " 90%    5% /") == (1, "90 % of the space of / is used")
    assert room(tmp_path, " 10%   97% /var/my files") == (1, "97 % of the inodes of /var/my files is used")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("echo yes", (0, "")),
        ("echo no", (1, "no server has told it the time since it was booted, or for long")),
        ("echo 'Failed to connect to bus' >&2; exit 1", (1, "Failed to connect to bus")),
    ],
)
def test_a_clock_that_nobody_sets_is_told(tmp_path: Path, answer: str, expected: tuple[int, str]) -> None:
    timedatectl = f'[ "$*" = "show --property=NTPSynchronized --value" ] || exit 2\n{answer}'
    assert asked(check_of("dl1", CLOCK), Here(stand_in(tmp_path / "bin", timedatectl=timedatectl))) == expected


def test_secrets_that_a_machine_needs_and_has_not_are_named(tmp_path: Path) -> None:
    here = Here(stand_in(tmp_path / "bin"), {"/run/secrets/": f"{tmp_path}/"})
    check = check_of("k8s-1", SECRETS)
    assert asked(check, here) == (1, "not in /run/secrets, or empty: k3s-home-token k3s-home-agent-token")
    (tmp_path / "k3s-home-token").write_text("one")
    (tmp_path / "k3s-home-agent-token").write_text("")
    assert asked(check, here) == (1, "not in /run/secrets, or empty: k3s-home-agent-token")
    (tmp_path / "k3s-home-agent-token").write_text("two")
    assert asked(check, here) == (0, "")


def test_a_machine_that_needs_no_secret_is_not_asked_for_any() -> None:
    inventory = lab({"clusters": {}, "volumes": {}})
    assert SECRETS not in [check.name for check in checks_of(inventory, deep=True)["dl1"]]
    assert "drbd-vmstore" in check_of("dl3", SECRETS).script
