"""What checks say before a change and after it, and whether a group can do without a member."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pyhomelab.checks import Check, Finding, checks_of
from pyhomelab.health.comparison import Groups, against, read, remarks, written
from tests.labs import lab

if TYPE_CHECKING:
    from pyhomelab.checks import Verdict
    from pyhomelab.health.comparison import Findings

POOL = Check("pool tank is ONLINE", "zfs", "true", 10, "`zpool status tank`")
MEMBER = Check("volume vmstore is UpToDate", "drbd", "true", 300, "`drbdadm status`", about="vmstore")


def found(check: Check, verdict: Verdict, said: str = "") -> dict[str, Finding]:
    return {check.name: Finding(check, verdict, said)}


def test_what_held_and_fails_now_speaks_against_a_system() -> None:
    before, after = found(POOL, "holds"), found(POOL, "fails", "tank is DEGRADED")
    assert against(before, after) == "pool tank is ONLINE: not any more (tank is DEGRADED)"
    assert remarks(before, after) == ()


def test_what_failed_before_does_not_speak_against_a_system_but_is_said() -> None:
    before, after = found(POOL, "fails"), found(POOL, "fails", "tank is DEGRADED")
    assert against(before, after) is None
    assert remarks(before, after) == ("pool tank is ONLINE: not, as before (tank is DEGRADED)",)


def test_a_new_member_cannot_be_well_before_the_others_are_there() -> None:
    before, after = found(MEMBER, "not run"), found(MEMBER, "fails", "vmstore is Connecting")
    assert against(before, after) is None
    assert remarks(before, after) == ("volume vmstore is UpToDate: not yet (vmstore is Connecting)",)


def test_a_member_that_was_well_has_to_be_well() -> None:
    before, after = found(MEMBER, "holds"), found(MEMBER, "fails", "vmstore is Connecting")
    assert against(before, after) == "volume vmstore is UpToDate: not any more (vmstore is Connecting)"


def test_verdicts_that_were_kept_are_read_back_and_new_checks_were_not_run() -> None:
    kept = written({**found(POOL, "holds"), **found(MEMBER, "fails")})
    new = Check("nginx answers", "declared", "true", 10, "`systemctl status nginx`")
    assert {name: one.verdict for name, one in read(kept, [POOL, MEMBER, new]).items()} == {
        POOL.name: "holds",
        MEMBER.name: "fails",
        new.name: "not run",
    }


class Volume:
    """The volume vmstore of the lab: replicas on dl1 and dl2, the witness on dl3; one of them may be down."""

    def __init__(self) -> None:
        inventory = lab()
        self.groups = Groups(inventory, checks_of(inventory))
        self.asked = self.groups.asked(["dl1"])

    def members(self, **verdicts: Verdict) -> dict[str, Findings | str]:
        """What all checks of members say."""
        return {
            host: {check.name: Finding(check, verdict, "because") for check in self.asked[host]}
            for host, verdict in verdicts.items()
        }


@pytest.fixture
def volume() -> Volume:
    return Volume()


def test_all_members_of_the_groups_of_a_machine_are_asked_and_no_others(volume: Volume) -> None:
    assert set(volume.asked) >= {"dl1", "dl2"}
    assert volume.groups.asked([]) == {}


def test_a_whole_group_can_do_without_a_member(volume: Volume) -> None:
    assert volume.groups.refusals(["dl1"], volume.members(dl1="holds", dl2="holds")) == {}


def test_a_degraded_group_cannot_do_without_another_member(volume: Volume) -> None:
    refused = volume.groups.refusals(["dl1"], volume.members(dl1="holds", dl2="fails"))
    name = volume.asked["dl2"][0].name
    assert refused == {"dl1": f"DRBD volume vmstore cannot do without it now: dl2: {name}: fails: because"}


def test_a_member_that_does_not_answer_counts_as_down(volume: Volume) -> None:
    findings = {**volume.members(dl1="holds"), "dl2": "cannot be reached"}
    assert volume.groups.refusals(["dl1"], findings) == {
        "dl1": "DRBD volume vmstore cannot do without it now: dl2 does not answer (cannot be reached)"
    }


def test_a_member_that_is_not_well_itself_takes_nothing_away(volume: Volume) -> None:
    assert volume.groups.refusals(["dl1"], volume.members(dl1="fails", dl2="fails")) == {}


def test_a_group_that_is_only_being_made_is_not_waited_for(volume: Volume) -> None:
    assert volume.groups.refusals(["dl2"], volume.members(dl1="fails", dl2="not run")) == {}
    assert volume.groups.refusals(["dl1"], volume.members(dl1="holds", dl2="not run")) == {}


def test_a_member_that_was_well_before_a_change_and_is_not_after_it_is_told(volume: Volume) -> None:
    before, after = volume.members(dl1="holds", dl2="holds"), volume.members(dl1="holds", dl2="fails")
    name = volume.asked["dl2"][0].name
    worse = volume.groups.worsened(["dl1"], before, after)
    assert worse["dl1"].startswith(f"dl2: {name}: fails: because")
    assert volume.groups.worsened(["dl1"], volume.members(dl1="holds", dl2="fails"), after) == {}
