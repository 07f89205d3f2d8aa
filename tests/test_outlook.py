"""What a machine says of a system that it is to run is read; whatever it is, nothing of it is believed blindly."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyhomelab.deployment.outlook import outlook, read_outlook
from pyhomelab.nix.room import BootFiles, Outlook, Units, Wanted
from pyhomelab.shell import Done
from pyhomelab.state.hoststate import NoAnswer

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = files("pyhomelab").joinpath("host/outlook.sh").read_text(encoding="utf-8")


class Recorded:
    """A shell that keeps the script, and answers with what it was given."""

    def __init__(self, done: Done) -> None:
        self.done, self.script = done, ""

    def run(self, script: str, *, timeout: float) -> Done:
        """Keep the script."""
        assert timeout > 0
        self.script = script
        return self.done

    def close(self) -> None:
        """Nobody may call this: whoever opened the shell closes it."""
        raise AssertionError("whoever opened it closes it")


def answer(*rows: str, err: str = "") -> Done:
    return Done(0, "\n".join(["begin\t1", *rows, "end", ""]), err)


def read(*rows: str) -> Outlook:
    return read_outlook("dl1", answer(*rows, "free\t10\t4096"))


def test_what_is_missing_and_what_is_there_is_read() -> None:
    told = read("lacks\t/nix/store/n", "has\t/nix/store/a", "has\t/nix/store/b", "size\t5", "size\t7")
    assert told == Outlook(frozenset({"/nix/store/n"}), {"/nix/store/a": 5, "/nix/store/b": 7}, 40960)


def test_kernels_are_known_by_their_names_in_the_store_whatever_the_boot_loader_appends() -> None:
    told = read(
        "boot\t/boot\t3\t1024\tnixos",
        "file\t900\t/boot/EFI/nixos/k-linux-6.12-bzImage.efi",
        "file\t70\t/boot/kernels/i-initrd-initrd",
        "entry\tnixos-generation-7.conf",
        "entry\tnixos-generation-8-specialisation-travel.conf",
        "boots\tsystem-7-link\t/nix/store/k-linux-6.12/bzImage",
        "boots\tsystem-7-link\t/nix/store/i-initrd/initrd",
    )
    assert told.boot == BootFiles(
        "/boot",
        3072,
        {"k-linux-6.12-bzImage": 900, "i-initrd-initrd": 70},
        {7: frozenset({"k-linux-6.12-bzImage", "i-initrd-initrd"})},
        frozenset({7, 8}),
        tidies_first=True,
    )
    grub = read("boot\t/boot\t3\t1024\tkernels").boot
    assert grub == BootFiles("/boot", 3072, {}, {})


def test_what_is_stopped_and_started_again_is_restarted() -> None:
    told = read(
        "would\twould stop the following units: web.service, old.service",
        "would\twould NOT stop the following changed units: dbus.service",
        "would\twould activate the configuration...",
        "would\twould reload the following units: nginx.service",
        "would\twould restart the following units: sshd.service",
        "would\twould start the following units: new.service, web.service",
    )
    assert told.units == Units(("old.service",), ("sshd.service", "web.service"), ("nginx.service",), ("new.service",))


def test_a_switch_that_touches_nothing_is_told_from_one_that_is_not_known() -> None:
    assert read("would\t").units == Units()
    assert read().units is None


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (["free\tmuch\t1"], "dl1: says nothing sensible about the room for its system"),
        (["free\t1"], "dl1: says nothing sensible about the room for its system"),
        ([], "dl1: says nothing sensible about the room for its system"),
        (["has\t/nix/store/a", "free\t1\t1"], "dl1: says nothing sensible about the room for its system"),
        (["free\t1\t1", "boot\t/boot\t1"], "dl1: says nothing sensible about the room for its system"),
        (
            ["free\t1\t1", "boot\t/boot\t1\t1\tnixos", "entry\tnixos-generation-x.conf"],
            "dl1: says nothing sensible about the room for its system",
        ),
        (["lacks\ttrouble", "free\t1\t1"], "dl1: its Nix does not say what it has: error: cannot connect to daemon"),
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(rows: list[str], sentence: str) -> None:
    with pytest.raises(NoAnswer) as raised:
        read_outlook("dl1", answer(*rows, err="warning\nerror: cannot connect to \x1b[31mdaemon\x1b[0m\nstat: what?\n"))
    assert str(raised.value) == sentence


def test_no_answer_is_said_with_what_was_said_instead() -> None:
    with pytest.raises(NoAnswer) as raised:
        read_outlook("dl1", Done(1, "This account is currently not available.\n", ""))
    assert str(raised.value) == (
        "dl1: did not run the script that asks for room for its system (exit 1),"
        " but said: This account is currently not available."
    )


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["lacks", "has", "size", "free", "boot", "file", "entry", "boots", "would"]),
            st.lists(st.text(st.characters(exclude_characters="\n"), max_size=20), max_size=3),
        ),
        max_size=12,
    )
)
def test_no_answer_whatever_breaks_the_reader(rows: list[tuple[str, list[str]]]) -> None:
    with suppress(NoAnswer):
        told = read(*("\t".join([key, *words]) for key, words in rows))
        assert all(path.isprintable() for path in told.has)
        assert min([told.free, *told.has.values()]) >= 0


def test_the_host_is_asked_for_every_path_in_words_that_its_shell_takes_for_nothing_else() -> None:
    closure = {f"/nix/store/{number}-hello-$(reboot)-'": 1 for number in range(1200)}
    shell = Recorded(answer("free\t1\t1"))
    outlook("dl1", shell, Wanted("/nix/store/0-system", closure))
    assert shell.script.endswith(SCRIPT)
    begins = shell.script.removesuffix(SCRIPT)
    said = subprocess.run(
        ["sh", "-s"], input=f"{begins}echo $NEW; printf '%s\\n' \"$PATHS\"", capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert said[0] == "/nix/store/0-system"
    assert [len(line.split()) for line in said[1:]] == [500, 500, 200]
    assert sorted(word for line in said[1:] for word in line.split()) == sorted(closure)


@pytest.mark.parametrize("shell", [["dash"], ["bash", "--posix"]])
def test_the_script_is_plain_posix_and_says_when_nix_does_not_answer(shell: list[str], tmp_path: Path) -> None:
    broken = f"NEW=/nix/store/none\nPATHS=/nix/store/none\nPATH={tmp_path}:$PATH\n"
    script = tmp_path / "nix-store"
    script.write_text("#!/bin/sh\necho no daemon >&2\nexit 1\n")
    script.chmod(0o755)
    done = subprocess.run(
        [*shell, "-s"], input=broken + SCRIPT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.splitlines()[0], done.stdout.splitlines()[-1]) == (0, "begin\t1", "end")
    with pytest.raises(NoAnswer) as raised:
        read_outlook("dl1", Done(done.returncode, done.stdout, done.stderr))
    assert str(raised.value) == "dl1: its Nix does not say what it has: no daemon"


# Knows only paths that end in `old`; each takes up as much as its name is long.
STORE = r"""#!/bin/sh
case $1 in
--check-validity) shift 2; for path; do case $path in *old) ;; *) echo "$path" ;; esac; done ;;
--query) case $2 in
  --requisites) seq --format=/nix/store/%05.0f-has-a-long-name-like-others-in-a-real-store-do-1.0-old 30000 ;;
  --size) shift 2; for path; do echo "${#path}"; done ;;
  esac ;;
esac
"""


@pytest.mark.parametrize("shell", [["dash"], ["bash", "--posix"]])
def test_a_system_of_very_many_parts_is_asked_about_and_told_in_full(shell: list[str], tmp_path: Path) -> None:
    store = tmp_path / "nix-store"
    store.write_text(STORE)
    store.chmod(0o755)
    closure = {f"/nix/store/{number}-{age}": 1 for number in range(15000) for age in ("old", "new")}
    shell_there = Recorded(answer("free\t1\t1"))
    outlook("dl1", shell_there, Wanted("/nix/store/0-system", closure))
    script = f"PATH={tmp_path}:$PATH\n{shell_there.script}"
    done = subprocess.run([*shell, "-s"], input=script, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    told = read_outlook("dl1", Done(done.returncode, done.stdout, done.stderr))
    assert told.lacks == {path for path in closure if path.endswith("new")}
    assert len(told.has) == 30000
    assert all(size == len(path) for path, size in told.has.items())


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is missing")
def test_shellcheck_has_nothing_to_say() -> None:
    done = subprocess.run(["shellcheck", "--shell=sh", "-"], input=SCRIPT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
