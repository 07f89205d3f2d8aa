"""What a deploy would change, decided from what machines said of themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pyhomelab.deployment.rollout import Goal, concerned, foreign, rollout
from pyhomelab.shell import Unreachable
from pyhomelab.state.hoststate import Generation, HostState, System
from pyhomelab.trials.reboots import Mode
from tests.labs import lab

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyhomelab.errors import HostFailed

OLD, NEW = "/nix/store/old", "/nix/store/new"
KERNEL = {"kernel": "/nix/store/linux-6.12/bzImage"}


def runs(system: str, default: str = OLD) -> HostState:
    """A machine that runs a system and would boot another, or the same."""
    day = datetime(2026, 5, 1, tzinfo=UTC)
    system_now = System(system, "26.05", "6.12", KERNEL)
    kept = (Generation(1, day, default, "26.05", "6.12"),)
    return HostState("x86_64", "id", day, system_now, system_now, 1, {}, kept, "running", ())


def asked(**others: HostState | HostFailed) -> Mapping[str, HostState | HostFailed]:
    """The answers of all machines; those that are not named run the old system."""
    return {name: runs(OLD) for name in ("dl1", "dl2", "dl3", "k8s-1", "k8s-2", "k8s-3")} | {
        name.replace("_", "-"): answer for name, answer in others.items()
    }


def test_a_machine_that_runs_and_boots_its_goal_is_left_as_it_is() -> None:
    plan = rollout(lab({}), {"dl1": Goal(OLD)}, asked(), 4)
    assert (plan.in_sync, dict(plan.changes), plan.waves) == (("dl1",), {}, ())


def test_a_machine_that_runs_its_goal_but_boots_another_is_changed() -> None:
    plan = rollout(lab({}), {"dl1": Goal(NEW)}, asked(dl1=runs(NEW)), 4)
    assert list(plan.changes) == ["dl1"]


def test_what_only_a_reboot_changes_is_said() -> None:
    goal = Goal(NEW, {"kernel": "/nix/store/linux-6.18/bzImage", "unheard-of": "x"})
    assert rollout(lab({}), {"dl1": goal}, asked(), 4).changes["dl1"].reboot_for == ("kernel",)
    assert rollout(lab({}), {"dl1": Goal(NEW, KERNEL)}, asked(), 4).changes["dl1"].reboot_for == ()


def inhibited(**inhibitors: str) -> HostState:
    """A machine that runs the old system, with inhibitors, under the init of that time."""
    state = runs(OLD)
    return replace(state, current=System(OLD, "26.05", "6.12", KERNEL, "systemd 2", inhibitors))


def test_another_value_for_an_inhibitor_of_both_systems_needs_a_boot() -> None:
    goal = Goal(NEW, {}, "systemd 2", {"dbus": "broker", "come": "1"})
    plan = rollout(lab({}), {"dl1": goal}, asked(dl1=inhibited(dbus="classic", gone="1")), 4, reboot=Mode.NEEDED)
    assert plan.changes["dl1"].needs_boot == ("dbus",)
    plan = rollout(lab({}), {"dl1": goal}, asked(dl1=inhibited(dbus="broker")), 4)
    assert plan.changes["dl1"].needs_boot == ()


def test_another_init_interface_needs_a_boot_unless_it_is_not_known() -> None:
    plan = rollout(lab({}), {"dl1": Goal(NEW, {}, "systemd 3")}, asked(dl1=inhibited()), 4, reboot=Mode.NEEDED)
    assert plan.changes["dl1"].needs_boot == ("init interface",)
    assert rollout(lab({}), {"dl1": Goal(NEW)}, asked(dl1=inhibited()), 4).changes["dl1"].needs_boot == ()


def test_a_machine_that_only_a_reboot_changes_is_left_out_if_there_is_to_be_none() -> None:
    plan = rollout(lab({}), {"dl1": Goal(NEW, {}, "systemd 3")}, asked(dl1=inhibited()), 4)
    assert (dict(plan.changes), dict(plan.left_out)) == (
        {},
        {"dl1": "only a reboot brings its init interface; give --reboot needed"},
    )


def pending() -> HostState:
    """A machine that has its system, but runs with the kernel of the one that it was booted with."""
    state = runs(NEW, NEW)
    kept = (Generation(0, state.generations[0].date, OLD, "26.05", "6.12"), *state.generations)
    booted = System(OLD, "26.05", "6.12", KERNEL)
    current = System(NEW, "26.05", "6.13", {"kernel": "/nix/store/k-6.13"})
    return replace(state, current=current, booted=booted, generations=kept)


def test_a_machine_in_sync_is_rebooted_only_if_that_is_wanted_and_of_use() -> None:
    goals = {"dl1": Goal(NEW, {"kernel": "/nix/store/k-6.13"})}
    assert rollout(lab({}), goals, asked(dl1=pending()), 4).in_sync == ("dl1",)
    change = rollout(lab({}), goals, asked(dl1=pending()), 4, reboot=Mode.NEEDED).changes["dl1"]
    assert (change.proven, change.new, change.reboot_for, change.is_active) == (OLD, NEW, ("kernel",), True)
    same = asked(dl1=runs(NEW, NEW))
    assert rollout(lab({}), goals, same, 4, reboot=Mode.NEEDED).in_sync == ("dl1",)
    assert rollout(lab({}), goals, same, 4, reboot=Mode.ALWAYS).changes["dl1"].is_active


def test_a_machine_that_is_refused_is_left_out_unless_it_needs_no_change() -> None:
    goals, full = {"dl1": Goal(NEW), "dl2": Goal(OLD)}, {"dl1": "is full", "dl2": "is full"}
    plan = rollout(lab({"clusters": {}, "volumes": {}}), goals, asked(), 4, refused=full)
    assert (dict(plan.left_out), plan.in_sync, plan.waves) == ({"dl1": "is full"}, ("dl2",), ())


def test_a_machine_of_another_kind_is_told_from_one_of_the_right_kind() -> None:
    assert foreign(runs(OLD), "x86_64-linux") == ""
    assert foreign(runs(OLD), "aarch64-linux") == "is x86_64, but the inventory says aarch64-linux"


def test_a_machine_that_does_not_answer_is_left_out_and_the_others_go_on() -> None:
    goals = {"dl3": Goal(NEW), "k8s-1": Goal(NEW)}
    plan = rollout(
        lab({"clusters": {}, "volumes": {}}),
        goals,
        asked(dl3=Unreachable("does not answer", where="dl3", hint="switch it on")),
        4,
    )
    assert dict(plan.left_out) == {"dl3": "does not answer; switch it on"}
    assert list(plan.changes) == ["k8s-1"]


def test_of_three_servers_none_is_touched_while_another_is_down() -> None:
    down = Unreachable("does not answer", where="k8s-3")
    plan = rollout(lab({}), {"k8s-1": Goal(NEW)}, asked(k8s_3=down), 4)
    assert list(plan.changes) == []
    assert plan.left_out["k8s-1"] == (
        "would take down one more of the servers of k3s cluster home: k8s-3 already down, and of 3, 1 may be"
    )


def test_three_servers_are_never_in_one_wave() -> None:
    goals = {name: Goal(NEW) for name in ("k8s-1", "k8s-2", "k8s-3")}
    plan = rollout(lab({}), goals, asked(), 4)
    assert [len(wave.machines) for wave in plan.waves] == [1, 1, 1]


def test_whoever_shares_a_group_with_a_machine_is_asked_too() -> None:
    assert concerned(lab({}), ["k8s-1"]) == ["k8s-1", "k8s-2", "k8s-3"]
    assert concerned(lab({"clusters": {}, "volumes": {}}), ["dl1"]) == ["dl1"]
