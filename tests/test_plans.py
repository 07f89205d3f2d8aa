"""A plan as a person reads it."""

from __future__ import annotations

from pyhomelab.cli.plans import plan_data, plan_lines
from pyhomelab.deployment.rollout import Change, Rollout
from pyhomelab.nix.packages import Package, UnitFiles
from pyhomelab.nix.room import Prospect, Space, Units
from pyhomelab.planning.waves import Wave

MIB = 1 << 20
PACKAGES = (
    Package("linux", ("6.12",), ("6.18",), 100 * MIB, 90 * MIB),
    Package("hello", (), ("2.12",), 0, MIB),
    Package("perl", ("5.40",), (), 60 * MIB, 0),
    Package("etc", ("",), ("",), 0, 9216),
    Package("zlib", ("1.2",), ("1.2", "1.3"), MIB, MIB),
)
SPACES = (Space("/nix/store", 95 * MIB, 1 << 40), Space("/boot", 30 * MIB, 300 * MIB))


FILES = UnitFiles(changed=tuple(f"u{number}.service" for number in range(10)), added=("new.timer",))


def a_plan(packages: tuple[Package, ...] = PACKAGES, units: Units | None = None) -> Rollout:
    brings = Prospect(packages, FILES, 900 * MIB, 800 * MIB, 12, 90 * MIB, SPACES, units)
    return Rollout(
        {"a": Change("a", "/nix/store/old", "/nix/store/new", ("initrd", "kernel"), ("dbus",))},
        (Wave(("a",), {"a": "the canary, by its tag"}, is_canary=True),),
        ("b",),
        {"c": "is full"},
        {"a": brings},
        {"a": "uncommitted", "b": "reboot pending"},
        {"a": ("the next boot undoes what it runs",), "b": ("waits for a reboot",)},
    )


def test_a_plan_is_told_from_the_machines_that_stay_to_the_waves() -> None:
    assert list(plan_lines(a_plan(units=Units(restarts=("sshd.service", "web.service"), stops=("old.service",))))) == [
        "b: in sync",
        "b: waits for a reboot",
        "c: left alone: is full",
        "wave 1 (canary):",
        "  a (the canary, by its tag)",
        "    from /nix/store/old",
        "    to   /nix/store/new",
        "    cannot be switched to: only a reboot brings its dbus",
        "    a reboot brings its initrd and kernel",
        "    the next boot undoes what it runs",
        "    packages: 1 added, 1 removed, 3 changed; 800MiB in all, -100MiB",
        "      ~ linux 6.12 → 6.18, -10MiB",
        "      + hello 2.12, 1MiB",
        "      - perl 5.40, 60MiB",
        "      ~ etc, +9KiB",
        "      ~ zlib 1.2 → 1.2 and 1.3",
        "    units: stops old.service; restarts sshd.service and web.service",
        "    to copy: 12 store paths, 90MiB",
        "    space needed: /nix/store 95MiB of 1TiB free, /boot 30MiB of 300MiB free",
    ]


def test_a_change_of_nothing_but_settings_says_so() -> None:
    lines = list(plan_lines(a_plan((), Units())))
    assert "    packages: all the same; 800MiB in all, -100MiB" in lines
    assert "    units: none is touched" in lines


def test_until_a_machine_can_tell_what_a_switch_does_the_units_that_differ_are_named() -> None:
    cut = "changed u0.service, u1.service, u2.service, u3.service, u4.service, u5.service, u6.service, u7.service and 2 more"
    assert f"    unit files: {cut}; added new.timer" in list(plan_lines(a_plan()))
    full = [line for line in plan_lines(a_plan(), is_full=True) if line.startswith("    unit files: ")]
    assert full[0].endswith("u8.service and u9.service; added new.timer")


def test_a_list_of_packages_is_cut_only_if_that_makes_it_shorter() -> None:
    packages = tuple(Package(f"p{number}", (), ("1",), 0, 1) for number in range(12))
    cut = [line for line in plan_lines(a_plan(packages)) if line.startswith("      ")]
    assert (len(cut), cut[-1]) == (11, "      and 2 more (`pyhomelab plan --full`)")
    assert sum(line.startswith("      + ") for line in plan_lines(a_plan(packages[:11]))) == 11
    assert sum(line.startswith("      + ") for line in plan_lines(a_plan(packages), is_full=True)) == 12


def test_as_data_a_plan_says_everything() -> None:
    told = plan_data(a_plan(PACKAGES[:1]), ["a", "b", "c", "d"])
    assert list(told["hosts"]) == ["a", "b", "c", "d"]
    assert told["hosts"]["d"] == {"state": "not built"}
    assert told["hosts"]["b"] == {"state": "in sync", "drift": "reboot pending", "remarks": ("waits for a reboot",)}
    assert told["hosts"]["c"] == {"state": "left alone", "why": "is full"}
    assert told["hosts"]["a"] == {
        "state": "changed",
        "from": "/nix/store/old",
        "to": "/nix/store/new",
        "reboot_for": ("initrd", "kernel"),
        "needs_boot": ("dbus",),
        "drift": "uncommitted",
        "remarks": ("the next boot undoes what it runs",),
        "packages": [
            {"name": "linux", "old": ("6.12",), "new": ("6.18",), "old_size": 100 * MIB, "new_size": 90 * MIB}
        ],
        "unit_files": {"changed": FILES.changed, "added": FILES.added, "removed": ()},
        "size": {"old": 900 * MIB, "new": 800 * MIB},
        "copy": {"paths": 12, "bytes": 90 * MIB},
        "space": [
            {"place": "/nix/store", "needed": 95 * MIB, "free": 1 << 40},
            {"place": "/boot", "needed": 30 * MIB, "free": 300 * MIB},
        ],
        "units": None,
    }
    assert told["waves"] == [{"machines": ("a",), "why": {"a": "the canary, by its tag"}, "canary": True}]
