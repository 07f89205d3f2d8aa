"""What a host says of itself is read and judged; whatever it is, nothing of it is believed blindly."""

from __future__ import annotations

import shlex
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhomelab.shell import Done
from pyhomelab.state.hoststate import SCRIPT, HostState, NoAnswer, NotNixos, host_state

if TYPE_CHECKING:
    from pathlib import Path

A, B, C = (f"/nix/store/{letter * 32}-nixos-system-dl1-26.05" for letter in "abc")
PARTS = {"kernel": "/nix/store/k1/bzImage", "initrd": "/nix/store/i1/initrd", "kernel-params": "quiet"}
Lines = list[str]


def system(name: str, path: str, **parts: str) -> Lines:
    every = PARTS | {part.replace("_", "-"): value for part, value in parts.items()}
    return [
        f"system\t{name}\t{path}",
        f"about\t{name}\t26.05.1\t6.12.30",
        *(f"part\t{name}\t{part}\t{value}" for part, value in every.items()),
    ]


def generations(**paths: str) -> Lines:
    numbers = {name.removeprefix("g"): path for name, path in paths.items()}
    link = "/nix/var/nix/profiles/system-{}-link"
    return [
        *(f"link\t17000000{int(number):02d}\t{link.format(number)} -> {path}" for number, path in numbers.items()),
        *(f"about\tsystem-{number}-link\t26.05.{number}\t6.12.{number}" for number in numbers),
    ]


def answer(*lines: str, os: str = 'yes\t"NixOS 26.05"') -> Done:
    said = ["begin\t1", f"os\t{os}\tx86_64", "boot\t1f3a\t1700001000\t500", *lines, "systemd\trunning", "end"]
    return Done(0, "\n".join(said) + "\n", "")


def read(*lines: str) -> HostState:
    return host_state("dl1", answer(*lines))


def drift(*, current: Lines, booted: Lines, default: int | None, kept: Lines, more: Lines | None = None) -> str:
    profile = [f"profile\tsystem-{default}-link"] if default is not None else []
    return read(*current, *booted, *profile, *kept, *(more or [])).drift


def test_everything_that_a_host_says_is_read() -> None:
    state = read(
        *system("current", B, kernel="/nix/store/k2/bzImage"),
        *system("booted", A),
        "profile\tsystem-10-link",
        *generations(g9=A, g10=B),
        "failed\tnginx.service",
        "failed\tzfs-scrub@tank.service",
    )
    assert (state.machine, state.boot_id, state.systemd) == ("x86_64", "1f3a", "running")
    assert state.booted_at == datetime.fromtimestamp(1_700_000_500, UTC)
    assert state.current is not None
    assert state.current.parts["kernel"] == "/nix/store/k2/bzImage"
    assert [(kept.number, kept.path, kept.nixos_version, kept.kernel) for kept in state.generations] == [
        (9, A, "26.05.9", "6.12.9"),
        (10, B, "26.05.10", "6.12.10"),
    ]
    assert state.generations[1].date == datetime.fromtimestamp(1_700_000_010, UTC)
    assert state.failed_units == ("nginx.service", "zfs-scrub@tank.service")


def inhibiting(text: str) -> dict[str, str]:
    state = read(*system("current", A), f"inhibitors\tcurrent\t{text}")
    assert state.current is not None
    return dict(state.current.inhibitors)


def test_what_a_system_cannot_be_switched_from_is_read() -> None:
    state = read(*system("current", B), "init\tcurrent\tsystemd 2", *system("booted", A), "init\tbooted\tsystemd 1")
    assert state.current is not None
    assert state.booted is not None
    assert (state.current.init_interface, state.booted.init_interface) == ("systemd 2", "systemd 1")
    assert inhibiting('{ "dbus-implementation": "broker",  "systemd": "/nix/store/s" }') == {
        "dbus-implementation": "broker",
        "systemd": "/nix/store/s",
    }


def test_a_system_that_is_asked_about_in_particular_is_told_like_the_one_that_runs() -> None:
    state = read(*system("current", A), *system("other", B, kernel="/nix/store/k2/bzImage"), "init\tother\tsystemd 1")
    assert state.other is not None
    assert (state.other.path, state.other.parts["kernel"]) == (B, "/nix/store/k2/bzImage")
    assert state.other.init_interface == "systemd 1"
    assert read(*system("current", A)).other is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", "/nix/store/a /nix/store/b", "{", "[" * 99999, "1" * 9999])
def test_inhibitors_that_are_missing_or_of_an_old_form_are_none(text: str) -> None:
    assert inhibiting(text) == {}


def test_an_inhibitor_that_is_no_text_is_passed_over() -> None:
    assert inhibiting('{"dbus": "broker\\u001b[31m", "odd": {"a": 1}, "number": 5}') == {"dbus": "broker"}


def test_generations_are_sorted_by_number_not_by_name() -> None:
    state = read(*generations(g10=A, g9=B, g100=C))
    assert [kept.number for kept in state.generations] == [9, 10, 100]


def test_a_host_that_runs_the_default_and_was_booted_with_its_kernel_is_in_sync() -> None:
    kept = generations(g1=A, g2=B)
    assert drift(current=system("current", B), booted=system("booted", A), default=2, kept=kept) == "in sync"


@pytest.mark.parametrize("part", ["kernel", "initrd", "kernel_params"])
def test_a_part_that_only_a_boot_changes_makes_a_reboot_pending(part: str) -> None:
    current = system("current", B, **{part: "other"})
    booted = system("booted", A)
    assert drift(current=current, booted=booted, default=2, kept=generations(g1=A, g2=B)) == "reboot pending"


def test_a_default_that_was_never_run_is_pending_too() -> None:
    kept = generations(g1=A, g2=B)
    assert drift(current=system("current", A), booted=system("booted", A), default=2, kept=kept) == "reboot pending"


def test_a_system_that_is_neither_default_nor_booted_is_uncommitted() -> None:
    kept = generations(g1=A, g2=B)
    assert drift(current=system("current", C), booted=system("booted", B), default=2, kept=kept) == "uncommitted"
    assert drift(current=system("current", A), booted=system("booted", B), default=2, kept=kept) == "uncommitted"


def test_a_specialisation_of_the_default_counts_as_the_default() -> None:
    kept, more = generations(g2=B), [f"specialisation\ttravel\t{C}"]
    current, booted = system("current", C), system("booted", B)
    assert drift(current=current, booted=booted, default=2, kept=kept, more=more) == "in sync"


def test_a_rollback_that_was_committed_is_in_sync() -> None:
    kept = generations(g1=A, g2=B)
    assert drift(current=system("current", A), booted=system("booted", A), default=1, kept=kept) == "in sync"


def test_without_a_profile_or_a_running_system_nothing_is_known() -> None:
    kept, current, booted = generations(g1=A), system("current", A), system("booted", A)
    assert drift(current=current, booted=booted, default=None, kept=kept) == "unknown"
    assert drift(current=current, booted=booted, default=7, kept=kept) == "unknown"
    assert drift(current=[], booted=booted, default=1, kept=kept) == "unknown"
    assert drift(current=current, booted=[], default=1, kept=kept) == "unknown"


def test_of_two_generations_with_one_system_the_default_one_is_meant_else_the_newest() -> None:
    lines = [*system("current", A), *system("booted", A), *generations(g1=A, g2=B, g3=A)]
    state = read(*lines, "profile\tsystem-1-link")
    assert state.generation_of(state.current) == state.generations[0]
    state = read(*lines, "profile\tsystem-2-link")
    assert state.generation_of(state.current) == state.generations[2]


def test_what_else_lies_among_the_profiles_is_passed_over() -> None:
    state = read(
        *generations(g1=A),
        "link\t1700000000\t/nix/var/nix/profiles/system-old-link -> /nix/store/x",
        "link\t1700000000\t/nix/var/nix/profiles/system-0-link -> /nix/store/x",
        "link\t1700000000\tsomething else",
    )
    assert [kept.number for kept in state.generations] == [1]


def test_a_host_that_is_not_nixos_is_called_by_its_own_name() -> None:
    with pytest.raises(NotNixos) as raised:
        host_state("dl1", answer(os='no\t"Debian GNU/Linux 13\x1b[31m (trixie)"'))
    assert str(raised.value) == (
        "dl1: runs Debian GNU/Linux 13 (trixie), not NixOS; install NixOS on it, or correct its address"
    )
    assert (raised.value.exit_code, raised.value.kind) == (4, "not NixOS")


def test_noise_around_the_answer_is_passed_over() -> None:
    done = answer(*generations(g1=A))
    noisy = Done(0, f"Welcome!\nbegin\t1\nend\n{done.stdout}bye\n", "warning\n")
    assert [kept.number for kept in host_state("dl1", noisy).generations] == [1]


@pytest.mark.parametrize(
    ("done", "reason"),
    [
        (Done(1, "This account is currently not available.\n", ""), "This account is currently not available."),
        (Done(127, "", "\x1b[1mfish: Unknown command\x1b[0m\n"), "fish: Unknown command"),
        (Done(0, "", ""), "nothing"),
        (Done(0, "begin\t1\nos\tyes\tNixOS\tx86_64\n", ""), "begin 1"),
    ],
)
def test_an_answer_without_beginning_or_end_is_none(done: Done, reason: str) -> None:
    with pytest.raises(NoAnswer) as raised:
        host_state("dl1", done)
    assert str(raised.value) == (
        f"dl1: did not run the script that asks for its state (exit {done.exit_code}), but said: {reason}"
    )


@pytest.mark.parametrize(
    "line",
    [
        "link\tyesterday\t/nix/var/nix/profiles/system-1-link -> /nix/store/x",
        f"link\t{10**30}\t/nix/var/nix/profiles/system-1-link -> /nix/store/x",
        "link\t5",
        "failed",
        "about\tcurrent",
        "system\tcurrent",
        "profile",
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(line: str) -> None:
    lines = [*system("current", A), line] if line.startswith("about") else [line]
    with pytest.raises(NoAnswer) as raised:
        read(*lines)
    assert str(raised.value) == "dl1: answered with something that makes no sense"


@given(st.lists(st.text(st.characters(exclude_characters="\n"), max_size=30), max_size=12))
def test_no_answer_whatever_breaks_the_reader(words: list[str]) -> None:
    lines = ("\t".join(words), *("\t".join([key, *words[:3]]) for key in ("link", "about")))
    with suppress(NoAnswer, NotNixos):
        state = host_state("dl1", answer(*lines))
        assert all(unit.isprintable() for unit in state.failed_units)


def test_this_machine_answers_the_script_too() -> None:
    done = subprocess.run(["sh", "-s"], input=SCRIPT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert (lines[0], lines[-1]) == ("begin\t1", "end")
    machine = subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True).stdout.strip()
    assert lines[1].endswith(f"\t{machine}")


def test_the_script_tells_of_another_system_if_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "init-interface-version").write_text("systemd 3")
    (tmp_path / "kernel-params").write_text("quiet\n")
    (tmp_path / "switch-inhibitors").write_text('{\n\t"dbus": "broker"\n}\n')
    (tmp_path / "initrd").symlink_to(tmp_path / "kernel-params")
    script = f"OTHER={shlex.quote(str(tmp_path))}\n{SCRIPT}"
    done = subprocess.run(["sh", "-s"], input=script, capture_output=True, text=True, timeout=60, check=False)
    assert [line for line in done.stdout.splitlines() if "\tother" in line] == [
        f"system\tother\t{tmp_path}",
        "about\tother\t\t",
        f"part\tother\tinitrd\t{tmp_path}/kernel-params",
        "part\tother\tkernel-params\tquiet",
        "init\tother\tsystemd 3",
        'inhibitors\tother\t{  "dbus": "broker" } ',
    ]
    script = f"OTHER={tmp_path}/gone\n{SCRIPT}"
    done = subprocess.run(["sh", "-s"], input=script, capture_output=True, text=True, timeout=60, check=False)
    assert "\tother" not in done.stdout


@pytest.mark.parametrize("shell", [["dash"], ["bash", "--posix"], ["busybox", "sh"]])
def test_the_script_is_plain_posix(shell: list[str]) -> None:
    try:
        done = subprocess.run([*shell, "-s"], input=SCRIPT, capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        pytest.skip(f"{shell[0]} is missing")
    assert (done.returncode, done.stderr, done.stdout.splitlines()[-1]) == (0, "", "end")


def test_what_follows_the_script_is_not_taken_for_its_input() -> None:
    done = subprocess.run(
        ["sh", "-s"], input=f"{SCRIPT}\necho never reached", capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.endswith("end\n")
