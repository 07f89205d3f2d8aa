"""A real host tries a system: who may start that, what is confirmed, what is made the default, and how it is told."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pyhomelab.errors import HostFailed
from pyhomelab.model import Ssh
from pyhomelab.trials.activation import arm, forget, keep, state
from pyhomelab.trials.refusals import Collected, HostChanged, Locked, NotArmed
from pyhomelab.trials.trial import Ending, Outcome, Phase, objection
from tests.lab.needs import missing_for_systems
from tests.lab.systems import copy
from tests.lab.trials import DEFAULT, RUN, TESTED, UNIT, machine

if TYPE_CHECKING:
    from tests.lab.trials import Machine

pytestmark = [
    pytest.mark.nix,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]
__all__ = ["machine"]

WEB = "stub.services.web = { };"
ROOTS = "nix-store --gc --print-roots | grep -o '/run/pyhomelab/.*' || true"


def test_a_confirmed_system_runs_and_is_the_default(machine: Machine) -> None:
    watch, found = machine.activated(WEB)
    new = watch.armed.trial.order.new
    assert (found.code, found.current, objection(found)) == (0, new, None)
    assert machine.systems() == [new, machine.first, machine.first], "until it is confirmed, the old one boots"
    machine.acknowledge(watch)
    assert watch.outcome() == Outcome(Ending.DEPLOYED, "", new, found.log)
    assert machine.systems() == [new] * 3
    machine.host.reboot()
    assert machine.systems() == [new] * 3
    assert machine.host.said("systemctl is-active web") == "active"


def test_a_system_that_nobody_confirms_is_undone(machine: Machine) -> None:
    watch, found = machine.activated(WEB, probation=3)
    assert found.seconds_left is not None
    assert found.seconds_left <= 3
    outcome = watch.outcome()
    assert outcome == Outcome(Ending.ROLLED_BACK, "nobody confirmed it within 3 s", machine.first, outcome.log)
    assert machine.is_as_before()
    assert machine.host.run("systemctl is-active web", check=False).stdout == "inactive\n"


def test_a_wrong_token_confirms_nothing(machine: Machine) -> None:
    watch, _ = machine.activated(WEB, probation=3)
    machine.host.run(f"echo wrong >/run/pyhomelab/{RUN}/token")
    assert watch.outcome().ending is Ending.ROLLED_BACK


def test_a_system_is_undone_on_demand(machine: Machine) -> None:
    watch, _ = machine.activated(WEB, probation=600)
    machine.abort(watch, "http://n1/ answered 502\nBad gateway")
    outcome = watch.outcome()
    assert (outcome.ending, outcome.why) == (Ending.ROLLED_BACK, "http://n1/ answered 502 Bad gateway")
    assert machine.is_as_before()


def test_a_unit_that_fails_is_an_objection(machine: Machine) -> None:
    watch, found = machine.activated('stub.services.broken.script = "exit 1"; stub.services.web = { };')
    assert (found.code, objection(found)) == (4, "broken.service failed")
    machine.abort(watch, objection(found) or "")
    assert watch.outcome().why == "broken.service failed"
    assert machine.is_as_before()


def test_a_unit_that_had_failed_before_does_not_count(machine: Machine) -> None:
    flaky = 'stub.services.flaky.script = "exit 1";'
    machine.becomes(flaky)
    watch, found = machine.activated(flaky + WEB)
    assert (found.code, found.failed_before, objection(found)) == (4, frozenset({"flaky.service"}), None)
    machine.abort(watch, "changed my mind")
    assert watch.outcome().ending is Ending.ROLLED_BACK, "nor on the way back"
    assert machine.is_as_before()


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ('system.preSwitchChecks.never = "exit 1";', "its own checks do not allow the switch"),
        ('stub.initInterface = "systemd 3";', "its init is another one, which only a restart can change"),
    ],
)
def test_a_system_that_refuses_to_be_tried_changes_nothing(machine: Machine, settings: str, why: str) -> None:
    outcome = machine.tried(settings).outcome()
    assert (outcome.ending, outcome.why, outcome.runs) == (Ending.REFUSED, why, machine.first)
    assert outcome.log
    assert machine.is_as_before()


def test_a_switch_that_is_at_work_is_not_disturbed(machine: Machine) -> None:
    machine.host.run("mkdir -p /run/nixos; systemd-run flock /run/nixos/switch-to-configuration.lock sleep 100")
    outcome = machine.tried(WEB).outcome()
    assert (outcome.ending, outcome.why) == (Ending.REFUSED, "another switch is at work there")


def test_a_third_system_that_somebody_activates_meanwhile_is_left_alone(machine: Machine) -> None:
    third = machine.given('stub.packages.hello = "2.12";')
    watch, _ = machine.activated(WEB)
    machine.host.run(f"{third}/bin/switch-to-configuration test")
    machine.acknowledge(watch)
    outcome = watch.outcome()
    assert (outcome.ending, outcome.runs) == (Ending.OVERTAKEN, third)
    assert machine.systems() == [third, machine.first, machine.first]


def test_the_very_system_that_ran_comes_back_though_it_is_not_the_default(machine: Machine) -> None:
    tried = machine.given('stub.packages.hello = "2.12";')
    machine.host.run(f"{tried}/bin/switch-to-configuration test")
    default, machine.first = machine.first, tried
    assert machine.tried(WEB, probation=1).outcome().ending is Ending.ROLLED_BACK
    assert machine.systems() == [tried, default, default]


def test_the_last_lines_are_those_of_the_system_that_failed_and_not_of_the_way_back(machine: Machine) -> None:
    watch, _ = machine.activated('stub.services.web = { oneshot = true; script = "echo port 80 is taken; exit 1"; };')
    machine.abort(watch, "web.service failed")
    log = watch.outcome().log
    assert log[-1] == "-- going back: web.service failed"
    assert any("port 80 is taken" in line for line in log)


def test_a_full_boot_partition_brings_the_old_system_back(machine: Machine) -> None:
    watch, _ = machine.activated('stub.bootLoader = "echo No space left on device; exit 1";')
    machine.acknowledge(watch)
    outcome = watch.outcome()
    why = "the boot loader could not be written"
    assert outcome == Outcome(Ending.ROLLED_BACK, why, machine.first, outcome.log)
    assert "No space left on device" in outcome.log
    assert machine.is_as_before()
    machine.host.reboot()
    assert machine.is_as_before()


def test_a_boot_partition_that_takes_nothing_at_all_is_said(machine: Machine) -> None:
    loader = 'stub.bootLoader = "[ ! -e /root/full ]";'
    machine.becomes(loader)
    watch, _ = machine.activated(loader + WEB)
    machine.host.run("touch /root/full")
    machine.acknowledge(watch)
    outcome = watch.outcome()
    why = "the boot loader could not be written, and it took the old system neither, which runs again"
    assert (outcome.ending, outcome.why, outcome.runs) == (Ending.MAY_NOT_BOOT, why, machine.first)


def test_a_profile_that_cannot_be_set_brings_the_old_system_back(machine: Machine) -> None:
    watch, _ = machine.activated(WEB)
    machine.host.inside("mount --bind -o ro /nix/var/nix/profiles /nix/var/nix/profiles")
    machine.acknowledge(watch)
    outcome = watch.outcome()
    assert (outcome.ending, outcome.why) == (Ending.ROLLED_BACK, "the profile could not be set")
    assert machine.is_as_before()


def test_the_second_of_two_deployers_is_told_who_was_first(machine: Machine) -> None:
    watch, _ = machine.activated(WEB)
    second = machine.trial(watch.armed.trial.order.new, run="second")
    with pytest.raises(Locked) as raised:
        machine.arm(second)
    before, _, rest = str(raised.value).partition(" since ")
    assert before == "n1: mika@laptop (process 42) deploys to it,"
    since, _, rest = rest.partition(" (")
    assert machine.host.said(f"test $(($(date +%s) - $(date -d '{since}' +%s))) -lt 60 && echo recent") == "recent"
    age, _, rest = rest.partition(" ago, ")
    assert age.endswith(" s")
    assert rest == f"run {RUN}); wait until that has ended; the host ends it by itself if need be"
    assert raised.value.kind == "refused"
    machine.abort(watch, "let the other one")
    watch.outcome()
    assert machine.arm(second).trial == second


def test_of_two_deployers_at_once_one_is_first(machine: Machine) -> None:
    new = machine.given(WEB)
    heard: list[str] = []

    def deploy(run: str) -> None:
        with machine.shell() as shell:
            start.wait()
            try:
                heard.append(f"armed {arm(shell, machine.trial(new, run=run)).trial.run_id}")
            except Locked as error:
                heard.append(error.what.rpartition(" ")[2])

    start = threading.Barrier(2)
    threads = [threading.Thread(target=deploy, args=(run,)) for run in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(heard) in (["armed one", "one)"], ["armed two", "two)"])


def test_a_deployer_who_did_not_hear_the_answer_may_ask_again(machine: Machine) -> None:
    trial = machine.trial(machine.given(WEB))
    assert machine.arm(trial) == machine.arm(trial)
    with pytest.raises(Locked):
        machine.arm(replace(trial, token="another"))  # noqa: S106 - of a run that is only asked for


def test_what_a_killed_run_left_behind_blocks_nobody(machine: Machine) -> None:
    past = "/run/pyhomelab/past"
    machine.host.run(
        f"mkdir -p {past} /nix/var/nix/gcroots/pyhomelab/past /nix/var/nix/gcroots/pyhomelab/rebooted;"
        f" printf '%s\\n' past mika@laptop today 1 >/run/pyhomelab/lock; touch -d '2 days ago' {past}"
    )
    watch, _ = machine.activated(WEB)
    assert machine.host.said(f"ls /run/pyhomelab /nix/var/nix/gcroots/pyhomelab | grep -v {RUN} | xargs") == (
        "/nix/var/nix/gcroots/pyhomelab: /run/pyhomelab: arming lock"
    )
    machine.acknowledge(watch)
    assert watch.outcome().ending is Ending.DEPLOYED


def test_a_host_that_runs_something_else_than_planned_is_left_alone(machine: Machine) -> None:
    new = machine.given(WEB)
    machine.host.run(f"{new}/bin/switch-to-configuration test")
    with pytest.raises(HostChanged) as raised:
        machine.arm(machine.trial(new))
    assert str(raised.value) == f"n1: runs {new} by now, not {machine.first}; make a new plan"
    assert machine.systems() == [new, machine.first, machine.first]


def test_a_system_that_was_collected_is_not_tried(machine: Machine) -> None:
    new = machine.given(WEB)
    machine.host.run("nix-collect-garbage")
    with pytest.raises(Collected) as raised:
        machine.arm(machine.trial(new))
    assert str(raised.value) == f"n1: does not have {new}; copy it there again"
    assert machine.is_as_before()


def test_something_that_is_no_system_is_not_tried(machine: Machine) -> None:
    path = machine.host.said(f"readlink -f {DEFAULT.split()[-1]}/etc/nix/nix.conf")
    with pytest.raises(NotArmed, match=f"^n1: {path} is no NixOS system$"):
        machine.arm(machine.trial(path))


def test_a_host_without_the_tools_of_the_way_back_is_left_alone(machine: Machine) -> None:
    new = machine.given(WEB)
    machine.host.run("mv /usr/bin/timeout /usr/bin/elsewhere")
    with pytest.raises(NotArmed) as raised:
        machine.arm(machine.trial(new))
    assert str(raised.value) == "n1: its system has no timeout, without which it could not bring itself back"


def test_a_system_is_kept_from_the_collector_before_it_is_copied(machine: Machine) -> None:
    new = machine.given(WEB)
    machine.host.run("nix-collect-garbage")
    with machine.shell() as shell:
        keep(shell, "n1", RUN, new)
    copy(machine.host, new, "--no-check-sigs")
    machine.host.run(f"nix-collect-garbage; test -e {new}")
    with machine.shell() as shell:
        forget(shell, RUN)
    machine.host.run(f"nix-collect-garbage; test ! -e {new}")
    assert machine.host.said("ls /run/pyhomelab /nix/var/nix/gcroots/pyhomelab | xargs") == (
        "/nix/var/nix/gcroots/pyhomelab: /run/pyhomelab:"
    )


def test_old_and_new_are_kept_from_the_collector_until_the_end(machine: Machine) -> None:
    watch, _ = machine.activated(WEB)
    order = watch.armed.trial.order
    assert sorted(machine.host.said(ROOTS).splitlines()) == [
        f"/run/pyhomelab/{RUN}/new -> {order.new}",
        f"/run/pyhomelab/{RUN}/old -> {order.old}",
    ]
    machine.host.run("nix-collect-garbage --delete-old")
    machine.abort(watch, "no")
    assert watch.outcome().ending is Ending.ROLLED_BACK
    assert machine.is_as_before()
    assert machine.host.said(ROOTS) == ""


def test_the_word_that_confirms_is_nowhere_on_the_host_before_it_is_said(machine: Machine) -> None:
    watch, _ = machine.activated(WEB)
    token = watch.armed.trial.token
    places = "/run/pyhomelab /run/systemd /tmp /proc/[0-9]*/cmdline /proc/[0-9]*/environ"
    for search in (f"grep -rlsaf /dev/stdin {places}", "journalctl >/root/journal; grep -lf - /root/journal"):
        found = machine.host.run(search, check=False, stdin=token)
        assert (found.returncode, found.stdout) == (1, ""), found
    assert machine.host.said("stat -c %a /run/pyhomelab").startswith("700")
    assert token not in repr(watch)


def test_everything_works_by_sudo_too(machine: Machine) -> None:
    machine.target = replace(machine.target, ssh=Ssh(user="admin"))
    watch, _ = machine.activated(WEB)
    machine.acknowledge(watch)
    assert watch.outcome().ending is Ending.DEPLOYED


def test_somebody_who_is_not_root_starts_nothing(machine: Machine) -> None:
    new = machine.given(WEB)
    target = replace(machine.target, ssh=Ssh(user="nobody-special"))
    shell = machine.network.open(target)
    with pytest.raises(NotArmed, match=r"^n1: cannot supervise .*: /run/pyhomelab and .* cannot be made$"):
        arm(shell, machine.trial(new))
    with pytest.raises(NotArmed, match=f"^n1: cannot keep {new} from the garbage collector: "):
        keep(shell, "n1", RUN, new)
    shell.close()


def test_a_host_that_knows_nothing_of_a_run_says_so(machine: Machine) -> None:
    trial = machine.trial(machine.given(WEB))
    with machine.shell() as shell:
        found = state(shell, trial)
    assert (found.phase, found.is_supervised, found.current, found.profile) == (
        None,
        False,
        machine.first,
        machine.first,
    )


def test_the_journal_has_what_was_tried(machine: Machine) -> None:
    assert machine.tried(WEB, probation=1).outcome().ending is Ending.ROLLED_BACK
    machine.wait_for(f'[ "$(systemctl show --property=ActiveState --value {UNIT})" = inactive ]')
    said = machine.host.said(f"journalctl --sync; journalctl --output=cat --unit={UNIT}").splitlines()
    for line in ("testing", "starting the following units: web.service", "probation 0"):
        assert line in said
    assert "rolled-back nobody confirmed it within 1 s" in said


def test_a_phase_is_told_while_the_switch_runs(machine: Machine) -> None:
    watch = machine.tried(f"system.activationScripts.slow = ''{TESTED} sleep 3'';")
    with machine.shell() as shell:
        found = state(shell, watch.armed.trial)
    assert (found.phase, found.is_under_way, found.is_activated) == (Phase.TESTING, True, False)
    assert watch.activated().is_activated


def test_what_cannot_be_told_to_a_host_is_a_failure_of_the_host(machine: Machine) -> None:
    watch, _ = machine.activated(WEB, probation=5)
    machine.host.inside(f"mount --bind -o ro /run/pyhomelab/{RUN} /run/pyhomelab/{RUN}")
    with pytest.raises(HostFailed, match=r"^n1: could not be told: .*Read-only file system$"):
        machine.acknowledge(watch)
