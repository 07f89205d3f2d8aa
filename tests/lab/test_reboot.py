"""A real host reboots into a system: what proves it, what brings the old one back, and who decides when."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from pyhomelab.trials import comeback
from pyhomelab.trials.activation import arm
from pyhomelab.trials.comeback import Comeback, follow, reboot
from pyhomelab.trials.reboot import Begun, abandon, begin, has_second_chance, prove, reboot_state
from pyhomelab.trials.reboots import Rebooted, RebootEnding, RebootPhase, rebooted
from pyhomelab.trials.refusals import Collected, HostChanged, Locked, NotArmed
from pyhomelab.trials.trial import Ending, Order, Trial
from tests.lab.needs import missing_for_systems
from tests.lab.trials import BOOT_ID, RUN, machine

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lab.trials import Machine

pytestmark = [
    pytest.mark.nix,
    pytest.mark.skipif(missing_for_systems() != "", reason=missing_for_systems() or "nothing is missing"),
]
__all__ = ["machine"]

KERNEL = "boot.kernelPackages = lib.mkForce pkgs.linuxPackages_6_12;"
WEB = "stub.services.web = { };"
DBUS = "system.switch.inhibitors.dbus-implementation"
UNAWARE = "systemd.services.pyhomelab-proof.enable = lib.mkForce false;"
BOOTED = "readlink /run/booted-system"
LEFT = "ls /var/lib/pyhomelab/proof/order /etc/systemd/system.control /nix/var/nix/gcroots/pyhomelab-proof 2>/dev/null"
NO_SECOND_CHANCE = "its boot loader starts no system just once, so there was no second chance had it not come up"
AT_BOOT = '[ -n "$NIXOS_ACTION" ] ||'
"""Before a command of an activation script: only when the system is booted."""


def at_boot(text: str) -> str:
    """Settings of a system that does something when it is booted."""
    return f"system.activationScripts.mistake = ''{AT_BOOT} {{ {text}; }}'';"


NO_SSH = at_boot("ln -s /dev/null /run/systemd/system/ssh.service")
PANICS = at_boot("touch /run/panic")
HANGS = at_boot("sleep 1000")


def order_of(machine: Machine, new: str, *, proof: int = 20) -> Trial:
    """A reboot of the host into a system, by somebody."""
    order = Order(machine.first, new, activation_seconds=20, probation_seconds=proof)
    return Trial(machine.host.name, RUN, order, "mika@laptop (process 42)")


def begun(machine: Machine, trial: Trial) -> Comeback:
    """Somebody who has begun a reboot."""
    with machine.shell() as shell:
        return Comeback(begin(shell, trial), machine.reach, 20, machine._pause)  # noqa: SLF001 - it ends what hangs


def into(machine: Machine, settings: str, *, proof: int = 20, against: str | None = None) -> tuple[Rebooted, str]:
    """Reboot the host into a system with these settings; gives how it ended, and the system."""
    trial = order_of(machine, machine.given(settings), proof=proof)
    ended = reboot(trial, machine.reach, lambda: against, boot_seconds=20)
    return ended, trial.order.new


def is_sure(machine: Machine) -> bool:
    """Whether the host says that it comes back from a system that does not come up."""
    with machine.shell() as shell:
        return has_second_chance(shell, "n1")


def is_tidy(machine: Machine) -> bool:
    """Whether nothing of the reboot is left on the host but what became of it."""
    return not machine.host.run(LEFT, check=False).stdout


def test_a_host_reboots_into_a_new_kernel_that_is_proven(machine: Machine) -> None:
    before = machine.host.said(BOOT_ID)
    assert is_sure(machine)
    ended, new = into(machine, KERNEL)
    assert (ended.ending, ended.why, ended.runs, ended.is_well) == (RebootEnding.REBOOTED, "", new, True)
    assert machine.systems() == [new] * 3
    assert machine.host.said(BOOTED) == new
    assert machine.host.said("ls /run/booted-system/kernel-modules/lib/modules").startswith("6.12.")
    assert machine.host.said(BOOT_ID) != before
    assert is_tidy(machine)
    machine.host.reboot()
    assert machine.systems() == [new] * 3, "it is the default for good"


def test_a_reboot_brings_what_a_confirmed_trial_could_not(machine: Machine) -> None:
    watch, _ = machine.activated(KERNEL)
    machine.acknowledge(watch)
    assert watch.outcome().ending is Ending.DEPLOYED
    new = watch.armed.trial.order.new
    assert machine.host.said(BOOTED) == machine.first
    trial = order_of(machine, new)
    told: list[str] = []
    assert reboot(trial, machine.reach, lambda: None, boot_seconds=20, tell=told.append).is_well
    assert told == ["rebooting into its system", "it is back, and nothing failed: confirming it"]
    assert (machine.systems(), machine.host.said(BOOTED)) == ([new] * 3, new)


def test_a_system_that_runs_already_is_only_restarted(machine: Machine) -> None:
    before = machine.host.said(BOOT_ID)
    trial = order_of(machine, machine.first)
    assert reboot(trial, machine.reach, lambda: None, boot_seconds=20).is_well
    between = machine.host.said(BOOT_ID)
    assert between != before
    assert machine.is_as_before()
    ended = reboot(order_of(machine, machine.first), machine.reach, lambda: "it is slow", boot_seconds=20)
    assert (ended.ending, ended.why, ended.runs) == (RebootEnding.ROLLBACK_FAILED, "it is slow", machine.first)
    assert machine.is_as_before()


def test_a_confirmed_trial_is_undone_too_if_its_kernel_does_not_come_up(machine: Machine) -> None:
    watch, _ = machine.activated(KERNEL + PANICS)
    machine.acknowledge(watch)
    assert watch.outcome().ending is Ending.DEPLOYED
    trial = order_of(machine, watch.armed.trial.order.new)
    ended = reboot(trial, machine.reach, lambda: None, boot_seconds=20)
    assert (ended.ending, ended.why, ended.runs) == (RebootEnding.ROLLED_BACK, "it did not come up", machine.first)
    assert machine.is_as_before()


@pytest.mark.parametrize("settings", [f'{DBUS} = "broker";', f'{DBUS} = "dbus"; stub.initInterface = "systemd 3";'])
def test_a_system_that_cannot_be_tried_is_booted_instead(machine: Machine, settings: str) -> None:
    machine.becomes(f'{DBUS} = "dbus";')
    trial = order_of(machine, machine.given(settings))
    assert machine.tried(settings).outcome().ending is Ending.REFUSED
    ended = reboot(trial, machine.reach, lambda: None, boot_seconds=20)
    assert (ended.ending, ended.runs) == (RebootEnding.REBOOTED, trial.order.new)
    assert machine.systems() == [trial.order.new] * 3


def test_it_is_the_same_by_the_shell_that_nixos_has(machine: Machine) -> None:
    machine.host.run("ln -sfn bash /usr/bin/sh")
    ended, _ = into(machine, NO_SSH, proof=5)
    assert (ended.ending, ended.why) == (RebootEnding.ROLLED_BACK, "nobody confirmed it within 5 s")
    assert machine.is_as_before()
    machine.becomes('stub.loader = "grub";')
    ended, new = into(machine, 'stub.loader = "grub";' + KERNEL)
    assert (ended.ending, ended.why) == (RebootEnding.REBOOTED, "")
    assert machine.systems() == [new] * 3
    assert is_tidy(machine)


def test_a_system_nobody_can_log_in_to_is_undone_by_its_own_deadline(machine: Machine) -> None:
    ended, _ = into(machine, NO_SSH, proof=5)
    assert ended.ending is RebootEnding.ROLLED_BACK
    assert (ended.why, ended.runs) == ("nobody confirmed it within 5 s", machine.first)
    assert machine.is_as_before()
    assert is_tidy(machine)


def test_a_system_that_is_cut_off_is_undone_by_its_own_deadline(machine: Machine) -> None:
    comeback_of = begun(machine, order_of(machine, machine.given(KERNEL), proof=5))
    machine.host.inside("until grep -q ^rebooting /var/lib/pyhomelab/proof/state; do sleep 0.1; done", check=False)
    machine.host.cut_network()
    time.sleep(20)
    machine.host.restore_network()
    assert comeback_of.outcome().why == "nobody confirmed it within 5 s"
    assert machine.is_as_before()


def test_a_kernel_that_panics_is_followed_by_the_old_one(machine: Machine) -> None:
    ended, _ = into(machine, PANICS)
    assert (ended.ending, ended.why) == (RebootEnding.ROLLED_BACK, "it did not come up")
    assert machine.is_as_before()
    assert is_tidy(machine)


def test_a_system_that_hangs_in_its_boot_is_gone_with_the_power(machine: Machine) -> None:
    waiting = begun(machine, order_of(machine, machine.given(HANGS)))
    told = machine.host.disk / "boot/efi-variables/LoaderEntryOneShot"
    until(told.exists)
    until(lambda: not told.exists())
    time.sleep(1)
    machine.host.lose_power()
    machine.host.power_on()
    ended = waiting.outcome()
    assert (ended.ending, ended.why) == (RebootEnding.ROLLED_BACK, "it did not come up")
    assert machine.is_as_before()


def test_who_begins_a_reboot_and_dies_leaves_it_to_the_host(machine: Machine) -> None:
    trial = order_of(machine, machine.given(KERNEL), proof=3)
    dead = begun(machine, trial)
    before = dead.begun.boot_id
    del dead
    machine.host.rebooted(before)
    first_boot = machine.host.said(BOOT_ID)
    machine.host.rebooted(first_boot)
    with machine.shell() as shell:
        state = reboot_state(shell, "n1", RUN, trial.order.profile)
        assert (state.phase, state.began_in) == (RebootPhase.ROLLED_BACK, before)
        ended = rebooted(state, trial.order)
        assert ended is not None
        assert (ended.ending, ended.why) == (RebootEnding.ROLLED_BACK, "nobody confirmed it within 3 s")
        assert reboot_state(shell, "n1", "another-run", trial.order.profile).phase is None
    assert machine.is_as_before()


def test_another_who_knows_the_word_takes_over_from_one_who_died(machine: Machine) -> None:
    trial = order_of(machine, machine.given(KERNEL))
    begun(machine, trial)
    with machine.shell() as shell:
        began_in = reboot_state(shell, "n1", RUN, trial.order.profile).began_in
    ended = follow(Comeback(Begun(trial, began_in), machine.reach, 20), lambda: None)
    assert (ended.ending, ended.runs) == (RebootEnding.REBOOTED, trial.order.new)


def test_a_wrong_word_proves_nothing(machine: Machine) -> None:
    trial = order_of(machine, machine.given(WEB), proof=5)
    waiting = begun(machine, trial)
    waiting.back()
    with machine.shell() as shell:
        prove(shell, replace(trial, token="wrong"))  # noqa: S106 - not the word
    assert waiting.outcome().why == "nobody confirmed it within 5 s"


def test_a_unit_that_fails_after_the_boot_brings_the_old_system(machine: Machine) -> None:
    ended, _ = into(machine, 'stub.services.broken.script = "exit 1";', proof=120)
    assert (ended.ending, ended.why) == (RebootEnding.ROLLED_BACK, "broken.service failed")
    assert machine.is_as_before()


def test_a_unit_that_had_failed_before_the_boot_does_not_count(machine: Machine) -> None:
    flaky = 'stub.services.flaky.script = "exit 1";'
    machine.becomes(flaky)
    ended, _ = into(machine, flaky + KERNEL)
    assert ended.is_well


def test_a_system_that_does_not_come_to_the_end_of_its_start_is_no_good(machine: Machine) -> None:
    ended, _ = into(machine, 'stub.services.slow = { oneshot = true; script = "sleep 1000"; };', proof=10)
    assert ended.why == "it does not come to the end of its start, waiting for slow.service"
    assert machine.is_as_before()


def test_what_a_check_finds_brings_the_old_system(machine: Machine) -> None:
    ended, _ = into(machine, KERNEL, against="http://n1/ answered 502\nBad gateway")
    assert (ended.ending, ended.why) == (RebootEnding.ROLLED_BACK, "http://n1/ answered 502 Bad gateway")
    assert machine.is_as_before()


# Boot loaders


def test_grub_starts_a_new_system_once(machine: Machine) -> None:
    machine.becomes('stub.loader = "grub";')
    assert is_sure(machine)
    ended, new = into(machine, 'stub.loader = "grub";' + KERNEL)
    assert (ended.ending, ended.why) == (RebootEnding.REBOOTED, "")
    assert machine.systems() == [new] * 3


def test_grub_starts_the_old_system_after_one_that_did_not_come_up(machine: Machine) -> None:
    machine.becomes('stub.loader = "grub";')
    machine.host.run("printf '%s\\n' '# GRUB Environment Block' kept=word >/boot/grub/grubenv")
    ended, _ = into(machine, 'stub.loader = "grub";' + PANICS)
    assert (ended.ending, ended.why) == (RebootEnding.ROLLED_BACK, "it did not come up")
    assert machine.is_as_before()
    assert machine.host.said("wc -c </boot/grub/grubenv; grep -c ^kept=word /boot/grub/grubenv") == "1024\n1"


def test_grub_on_a_disk_that_it_cannot_write_to_is_told_nothing(machine: Machine) -> None:
    machine.becomes('stub.loader = "grub";')
    machine.host.run(f"mount --bind /usr/bin/stat $(readlink -f {machine.first}/sw/bin/stat)")
    machine.host.run("rm -r /boot/loader")
    assert not is_sure(machine)
    ended, new = into(machine, 'stub.loader = "grub";' + KERNEL)
    assert (ended.ending, ended.why) == (RebootEnding.REBOOTED, NO_SECOND_CHANCE)
    assert machine.systems() == [new] * 3
    assert machine.host.said("cat /boot/grub/grubenv 2>/dev/null || echo none") == "none"


def test_a_loader_that_starts_nothing_once_makes_the_new_system_the_default_and_it_is_said(machine: Machine) -> None:
    machine.becomes('stub.loader = "other";')
    machine.host.run("rm -r /boot/loader")
    assert not is_sure(machine)
    ended, new = into(machine, 'stub.loader = "other";' + KERNEL)
    assert (ended.ending, ended.why) == (RebootEnding.REBOOTED, NO_SECOND_CHANCE)
    assert machine.systems() == [new] * 3


def test_without_a_second_chance_a_system_that_starts_services_still_goes_back(machine: Machine) -> None:
    machine.becomes('stub.loader = "other";')
    machine.host.run("rm -r /boot/loader")
    ended, _ = into(machine, 'stub.loader = "other";' + NO_SSH, proof=5)
    assert (ended.ending, ended.why) == (RebootEnding.ROLLED_BACK, "nobody confirmed it within 5 s")
    assert machine.is_as_before()


def test_a_full_boot_partition_is_found_before_the_reboot(machine: Machine) -> None:
    machine.becomes('stub.bootLoader = "[ ! -e /root/full ]";')
    before = machine.host.said(BOOT_ID)
    machine.host.run("touch /root/full")
    ended, _ = into(machine, WEB)
    assert (ended.ending, ended.why, ended.runs) == (
        RebootEnding.REFUSED,
        "the boot loader could not be written; whether it boots at all is not certain",
        machine.first,
    )
    assert machine.host.said(BOOT_ID) == before
    assert machine.is_as_before()
    assert is_tidy(machine)


def test_a_boot_partition_that_is_full_only_for_the_new_system_leaves_the_old_one_to_boot(machine: Machine) -> None:
    ended, new = into(machine, 'stub.bootLoader = "echo No space left on device; exit 1";')
    assert (ended.ending, ended.why) == (RebootEnding.BOOTS_OLD, "the boot loader could not be written")
    assert "No space left on device" in ended.log
    assert machine.systems() == [new, machine.first, machine.first]


# Systems that know nothing of the proof


def test_a_system_made_without_the_lab_s_modules_is_proven(machine: Machine) -> None:
    machine.becomes(UNAWARE)
    ended, new = into(machine, UNAWARE + KERNEL)
    assert (ended.ending, machine.systems()) == (RebootEnding.REBOOTED, [new] * 3)
    assert is_tidy(machine)


def test_a_system_made_without_the_lab_s_modules_goes_back_by_itself(machine: Machine) -> None:
    ended, _ = into(machine, UNAWARE + NO_SSH, proof=5)
    assert (ended.ending, ended.why) == (RebootEnding.ROLLED_BACK, "nobody confirmed it within 5 s")
    assert machine.is_as_before()
    assert is_tidy(machine)


def test_what_does_not_decide_by_itself_is_started_by_who_comes(machine: Machine) -> None:
    machine.becomes(UNAWARE)
    forgets = at_boot("rm -r /etc/systemd/system.control")
    ended, new = into(machine, UNAWARE + forgets)
    assert (ended.ending, machine.systems()) == (RebootEnding.REBOOTED, [new] * 3)


# Power, kills, others


def test_power_lost_while_it_waits_brings_the_old_system(machine: Machine) -> None:
    waiting = begun(machine, order_of(machine, machine.given(KERNEL)))
    assert waiting.back().is_waiting
    machine.host.lose_power()
    machine.host.power_on()
    ended = waiting.outcome()
    assert (ended.ending, ended.why) == (RebootEnding.ROLLED_BACK, "it restarted before it was confirmed")
    assert machine.is_as_before()


def test_power_lost_right_after_the_proof_brings_the_new_system(machine: Machine) -> None:
    trial = order_of(machine, machine.given(KERNEL))
    waiting = begun(machine, trial)
    waiting.back()
    with machine.shell() as shell:
        prove(shell, trial)
    machine.wait_for("grep -q ^proven /var/lib/pyhomelab/proof/state")
    machine.host.lose_power()
    machine.host.power_on()
    assert waiting.outcome().ending is RebootEnding.REBOOTED
    assert machine.systems() == [trial.order.new] * 3


def test_who_kills_what_decides_has_not_ended_it(machine: Machine) -> None:
    trial = order_of(machine, machine.given(KERNEL), proof=8)
    waiting = begun(machine, trial)
    waiting.back()
    machine.host.run("systemctl kill --signal=KILL pyhomelab-proof; systemctl stop pyhomelab-proof", check=False)
    assert waiting.outcome().why == "nobody confirmed it within 8 s"
    assert machine.is_as_before()


SLOW = 'stub.bootLoader = "[ ! -e /root/slow ] || sleep 15";'


def preparing(machine: Machine) -> Comeback:
    """Somebody who has begun a reboot of a host that takes its time to prepare it, and is at it."""
    machine.becomes(SLOW)
    machine.host.run("touch /root/slow")
    waiting = begun(machine, order_of(machine, machine.given(WEB)))
    machine.wait_for("grep -q ^old_generation /var/lib/pyhomelab/proof/facts")
    return waiting


def test_a_preparation_that_is_killed_changes_nothing(machine: Machine) -> None:
    waiting = preparing(machine)
    machine.host.run(f"sleep 1; rm /root/slow; systemctl kill --kill-whom=main --signal=KILL pyhomelab-{RUN}-reboot")
    ended = waiting.outcome()
    assert (ended.ending, ended.why) == (RebootEnding.REFUSED, "it was killed (signal)")
    assert machine.is_as_before()
    assert is_tidy(machine)


def test_a_preparation_that_is_stopped_changes_nothing(machine: Machine) -> None:
    waiting = preparing(machine)
    machine.host.run(f"rm /root/slow; systemctl stop pyhomelab-{RUN}-reboot")
    ended = waiting.outcome()
    assert (ended.ending, ended.why) == (RebootEnding.REFUSED, "it was told to stop")
    assert machine.is_as_before()
    assert is_tidy(machine)


def test_power_lost_in_the_preparation_brings_the_old_system(machine: Machine) -> None:
    waiting = preparing(machine)
    machine.host.lose_power()
    (machine.host.disk / "root/slow").unlink()
    machine.host.power_on()
    ended = waiting.outcome()
    assert (ended.ending, ended.why) == (RebootEnding.ROLLED_BACK, "the host restarted before it was ready for it")
    assert machine.is_as_before()
    assert is_tidy(machine)


def test_a_third_system_that_somebody_activates_meanwhile_is_left_alone(machine: Machine) -> None:
    third = machine.given('stub.packages.hello = "2.12";')
    trial = order_of(machine, machine.given(KERNEL))
    waiting = begun(machine, trial)
    waiting.back()
    machine.host.run(f"{third}/bin/switch-to-configuration test")
    with machine.shell() as shell:
        prove(shell, trial)
    ended = waiting.outcome()
    assert (ended.ending, ended.runs) == (RebootEnding.OVERTAKEN, third)


def test_nobody_else_deploys_to_a_host_that_is_not_proven_yet(machine: Machine) -> None:
    trial = order_of(machine, machine.given(KERNEL))
    waiting = begun(machine, trial)
    waiting.back()
    other = machine.trial(machine.given(WEB), run="20261121T130000Z-0123abcd")
    with (
        machine.shell() as shell,
        pytest.raises(Locked, match=r"^n1: mika@laptop \(process 42\) deploys to it, since "),
    ):
        arm(shell, other)
    with (
        machine.shell() as shell,
        pytest.raises(Locked, match=r"^n1: mika@laptop \(process 42\) deploys to it, since "),
    ):
        begin(shell, replace(trial, run_id=other.run_id, token=other.token))
    with machine.shell() as shell:
        abandon(shell, trial, "somebody else is in need of it")
    assert waiting.outcome().why == "somebody else is in need of it"


def test_a_reboot_is_begun_once(machine: Machine) -> None:
    trial = order_of(machine, machine.given(KERNEL))
    with machine.shell() as shell:
        assert begin(shell, trial) == begin(shell, trial)
    waiting = Comeback(begun(machine, trial).begun, machine.reach, 20)
    waiting.back()
    with machine.shell() as shell:
        prove(shell, trial)
    assert waiting.outcome().is_well
    with machine.shell() as shell:
        assert begin(shell, trial).boot_id == waiting.begun.boot_id, "and not after it has ended"
    assert machine.systems() == [trial.order.new] * 3


def test_a_host_that_cannot_be_rebooted_with_a_way_back_is_left_as_it_is(machine: Machine) -> None:
    trial = order_of(machine, machine.given(WEB))
    third = machine.given('stub.packages.hello = "2.12";')
    missing = f"{trial.order.new}x"
    absent = "/nix/store/00000000000000000000000000000000-none"
    for order, error, said in (
        (
            Order(third, trial.order.new),
            HostChanged,
            f"n1: runs {machine.first} by now, neither {third} nor {trial.order.new}; make a new plan",
        ),
        (Order(machine.first, missing), Collected, f"n1: does not have {missing}; copy it there again"),
        (Order(absent, machine.first), Collected, f"n1: does not have {absent}; copy it there again"),
        (Order(machine.first, machine.host.said(f"readlink -f {machine.first}/etc/..")), NotArmed, None),
    ):
        with machine.shell() as shell, pytest.raises(error) as refused:
            begin(shell, replace(trial, order=order))
        assert said is None or str(refused.value) == said
    assert machine.is_as_before()
    assert is_tidy(machine)


def test_a_host_that_does_not_come_back_needs_a_person(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comeback, "patience", lambda *_: 40)
    ended = begun(machine, order_of(machine, machine.given(HANGS))).outcome()
    assert (ended.ending, ended.needs_a_person) == (RebootEnding.UNREACHABLE, True)
    silence = f"did not come back (root@{machine.host.address} cannot be reached: "
    assert ended.why.startswith(silence)
    assert ended.why.endswith("); switch it off and on: its boot loader starts the old system again")
    machine.host.lose_power()
    machine.host.power_on()
    machine.host.reachable()
    machine.wait_for("grep -q ^rolled-back /var/lib/pyhomelab/proof/state")
    assert machine.is_as_before(), "and that is true"


def until(is_so: Callable[[], bool]) -> None:
    """Wait for something outside of the hosts."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)
