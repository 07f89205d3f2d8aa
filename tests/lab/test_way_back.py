"""Whatever a new system does to a real host, the host runs its old one again by itself, and says so."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from pyhomelab.errors import HostFailed
from pyhomelab.trials.trial import Ending
from tests.lab.needs import missing_for_systems
from tests.lab.trials import BOOT_ID, RUN, TESTED, UNIT, machine

if TYPE_CHECKING:
    from tests.lab.trials import Machine

pytestmark = [
    pytest.mark.nix,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]
__all__ = ["machine"]

WEB = "stub.services.web = { };"
KILLED = "the supervisor was killed (signal)"
UNCONFIRMED = "nobody confirmed it within 5 s"
# The lab's systems know nothing of the network; so that switching to them brings it, as on NixOS, it is said here.
NETWORK = "system.activationScripts.network = ''ip link set eth0 up 2>/dev/null || true'';"


def script(text: str) -> str:
    """An activation script that does something when the system is tried."""
    return f"system.activationScripts.mistake = ''{TESTED} {{ {text}; }}'';"


BREAKS = {
    "fails in activation": (script("exit 3"), "switch-to-configuration ended with 2"),
    "hangs in activation": (script("sleep 1000"), "activation took longer than 5 s"),
    "hangs and ignores being told to stop": (
        script('trap "" TERM; while :; do sleep 1; done'),
        "activation took longer than 5 s",
    ),
    "hangs in the start of a unit": (
        'stub.services.slow = { oneshot = true; script = "sleep 1000"; };',
        "activation took longer than 5 s, waiting for slow.service",
    ),
    "hangs in the stop of a unit": (
        'stub.services.old.script = "exec sleep 1";',
        "activation took longer than 5 s, waiting for old.service",
    ),
    "kills its own switch": (
        script("pkill -9 -f bin/switch-to-configuration; sleep 1"),
        "switch-to-configuration ended with 137",
    ),
    "stops sshd": (script("systemctl stop ssh; pkill sshd"), UNCONFIRMED),
    "takes the network down": (script("ip link set eth0 down"), UNCONFIRMED),
    "locks everybody out": (script("mv /etc/ssh/authorized_keys /etc/ssh/nobodys"), UNCONFIRMED),
    "stops the journal": (
        script("systemctl stop systemd-journald.socket systemd-journald-dev-log.socket systemd-journald.service"),
        UNCONFIRMED,
    ),
    "executes systemd anew": (script("systemctl daemon-reexec"), UNCONFIRMED),
}
STUBBORN = "stub.services.old.script = ''trap \"\" TERM; while :; do sleep 1; done'';"
KEYS = "system.activationScripts.keys = ''[ ! -e /etc/ssh/nobodys ] || mv /etc/ssh/nobodys /etc/ssh/authorized_keys'';"


@pytest.mark.parametrize("what", BREAKS)
def test_a_system_that_does_this_is_undone(machine: Machine, what: str) -> None:
    settings, why = BREAKS[what]
    machine.becomes(NETWORK + KEYS + (STUBBORN if "stop of" in what else ""))
    before = machine.host.said(BOOT_ID)
    # a unit that does not stop is killed by systemd after 90 s; here it is not waited for
    machine.host.run("mkdir -p /run/systemd/system.conf.d; printf '[Manager]\nDefaultTimeoutStopSec=8\n'"
                     " >/run/systemd/system.conf.d/patience.conf; systemctl daemon-reexec")  # fmt: skip
    outcome = machine.tried(settings, activation=5, probation=5).outcome()
    assert (outcome.ending, outcome.runs) == (Ending.ROLLED_BACK, machine.first), outcome
    assert outcome.why == why
    assert machine.is_as_before()
    assert machine.host.said(BOOT_ID) == before, "without a restart"
    assert machine.host.said("systemctl is-active ssh multi-user.target | xargs") == "active active"
    assert machine.host.said("systemctl list-jobs --plain --no-legend") == ""


def test_a_host_that_falls_into_emergency_mode_comes_out_of_it(machine: Machine) -> None:
    fall = "systemctl --no-block isolate emergency.target"
    watch = machine.tried(script(f"{fall}; sleep 1000"), activation=5, probation=5)
    machine.wait_for("systemctl --quiet is-active emergency.target && ! systemctl --quiet is-active ssh")
    assert watch.outcome().ending is Ending.ROLLED_BACK
    assert machine.is_as_before()
    assert machine.host.said("systemctl is-active ssh multi-user.target | xargs") == "active active"


def test_a_host_that_is_cut_off_comes_back_by_itself(machine: Machine) -> None:
    watch, _ = machine.activated(WEB, probation=5)
    machine.host.cut_network()
    began = time.monotonic()
    machine.wait_for(f"[ $(readlink /run/current-system) = {machine.first} ]")
    assert time.monotonic() - began < 15
    machine.host.restore_network()
    assert watch.outcome().why == UNCONFIRMED
    assert machine.is_as_before()


def test_a_connection_that_drops_during_the_switch_matters_to_nobody(machine: Machine) -> None:
    watch = machine.tried(script("sleep 4"))
    machine.host.cut_network()
    time.sleep(1)
    machine.host.restore_network()
    assert watch.activated().is_activated
    machine.acknowledge(watch)
    assert watch.outcome().ending is Ending.DEPLOYED


def test_sshd_may_restart_during_the_switch(machine: Machine) -> None:
    watch, _ = machine.activated(script("systemctl restart ssh; pkill sshd-session"))
    machine.acknowledge(watch)
    assert watch.outcome().ending is Ending.DEPLOYED


def test_power_lost_before_the_commit_brings_the_old_system(machine: Machine) -> None:
    watch, _ = machine.activated(WEB)
    machine.host.lose_power()
    machine.host.power_on()
    outcome = watch.outcome()
    assert (outcome.ending, outcome.why) == (
        Ending.ROLLED_BACK,
        "it restarted before the new system was its default",
    )
    assert machine.is_as_before()
    watch, _ = machine.activated(WEB.replace("web", "site"))
    assert watch.outcome().ending is Ending.ROLLED_BACK, "and the next trial is not in the way of the last"


def test_power_lost_after_the_commit_brings_the_new_system(machine: Machine) -> None:
    watch, _ = machine.activated(WEB)
    machine.acknowledge(watch)
    machine.wait_for(f"grep -q ^committed /run/pyhomelab/{RUN}/state")
    machine.host.lose_power()
    machine.host.power_on()
    outcome = watch.outcome()
    assert (outcome.ending, outcome.why) == (Ending.DEPLOYED, "it restarted, and booted the new system")
    assert machine.systems() == [watch.armed.trial.order.new] * 3


def test_a_host_that_is_rebooted_meanwhile_does_not_wait_for_the_trial(machine: Machine) -> None:
    watch, _ = machine.activated(WEB, probation=600)
    began = time.monotonic()
    machine.host.reboot()
    assert time.monotonic() - began < 10
    assert watch.outcome().why == "it restarted before the new system was its default"
    assert machine.is_as_before()


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (f"kill -KILL $(cat /sys/fs/cgroup/system.slice/{UNIT}.service/cgroup.procs)", KILLED),
        (f"systemctl kill --kill-whom=main --signal=KILL {UNIT}", KILLED),
        (f"systemctl stop {UNIT}", "the supervisor was told to stop"),
    ],
)
@pytest.mark.parametrize("when", ["in the switch", "in probation"])
def test_who_ends_the_supervisor_has_not_ended_the_way_back(machine: Machine, how: str, why: str, when: str) -> None:
    if when == "in probation":
        watch, _ = machine.activated(WEB, probation=600)
    else:
        watch = machine.tried(script("touch /run/at-it; sleep 1000"), activation=100)
        machine.wait_for("[ -e /run/at-it ]")
    machine.host.run(how)
    outcome = watch.outcome()
    assert (outcome.ending, outcome.why) == (Ending.ROLLED_BACK, why)
    assert machine.is_as_before()
    assert machine.host.said("pgrep -f '[s]leep 1000' || echo none") == "none"


def test_a_full_run_keeps_nobody_from_the_way_back(machine: Machine) -> None:
    watch, _ = machine.activated(WEB, probation=5)
    machine.host.run("mount -o remount,size=2m /run; cat /dev/zero >/run/full || true")
    with pytest.raises(HostFailed, match=r"^n1: could not be told: .*"):
        machine.acknowledge(watch)
    outcome = watch.outcome()
    assert (outcome.ending, outcome.why) == (Ending.ROLLED_BACK, UNCONFIRMED)
    assert machine.is_as_before()


def test_a_full_disk_of_the_journal_keeps_nobody_from_the_way_back(machine: Machine) -> None:
    machine.host.run("mount -t tmpfs -o size=1m tmpfs /var/log/journal; cat /dev/zero >/var/log/journal/full || true")
    machine.host.run("systemctl restart systemd-journald")
    assert machine.tried(WEB, probation=5).outcome().why == UNCONFIRMED
    assert machine.is_as_before()


STUCK = "system.activationScripts.stuck = ''[ ! -e /root/stuck ] || [ -z \"$NIXOS_ACTION\" ] || sleep 1000'';"


def test_a_way_back_that_fails_is_left_to_a_person_who_can_reach_the_host(machine: Machine) -> None:
    machine.becomes(STUCK)
    watch, _ = machine.activated(WEB, activation=3, probation=3)
    before = machine.host.said(BOOT_ID)
    machine.host.run("touch /root/stuck")
    outcome = watch.outcome()
    assert (outcome.ending, outcome.why) == (Ending.ROLLBACK_FAILED, "nobody confirmed it within 3 s")
    machine.wait_for(f"! systemctl --quiet is-active {UNIT}")
    time.sleep(5)
    assert machine.host.said(BOOT_ID) == before


def test_a_way_back_that_fails_ends_in_a_restart_where_nobody_can_reach_the_host(machine: Machine) -> None:
    machine.becomes(STUCK + NETWORK)
    watch, _ = machine.activated(WEB, activation=3, probation=3)
    before = machine.host.said(BOOT_ID)
    machine.host.run("touch /root/stuck")
    machine.host.cut_network()
    while machine.host.inside(BOOT_ID, check=False).stdout.strip() in ("", before):
        time.sleep(1)
    machine.host.restore_network()
    outcome = watch.outcome()
    assert (outcome.ending, outcome.why) == (
        Ending.ROLLED_BACK,
        "it restarted before the new system was its default",
    )
    assert machine.is_as_before()


def test_nothing_of_it_looks_at_a_clock_that_can_be_set(machine: Machine) -> None:
    machine.host.run("printf '#!/bin/sh\\necho 9999999999\\n' >/usr/local/date && chmod 755 /usr/local/date")
    watch, _ = machine.activated(script("mount --bind /usr/local/date /usr/bin/date"), probation=5)
    assert machine.host.said("date") == "9999999999"
    assert watch.outcome().why == UNCONFIRMED
    assert not re.search(r"\bdate\b", machine.host.said(f"cat /run/pyhomelab/{RUN}/supervisor.sh"))
