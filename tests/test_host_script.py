"""How scripts are sent to hosts, and what of their answers is believed."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhomelab.shell import Done
from pyhomelab.shell.script import host_script, last_words, plain_name, plain_path, rows_of, verdict_of, with_values


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_a_value_reaches_the_script_as_it_is(value: str) -> None:
    script = with_values({"VALUE": value}, "printf '%s' \"$VALUE\"\n")
    assert subprocess.run(["sh", "-s"], input=script.encode(), capture_output=True, check=True).stdout == value.encode()


@pytest.mark.parametrize("name", ["reboot.sh", "proof.sh", "proof-state.sh", "second-chance.sh", "drain.sh"])
def test_every_script_can_be_read(name: str) -> None:
    done = subprocess.run(["sh", "-n"], input=host_script(name).encode(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("name", ["", "-x", "../x", "a b", "$x", "a\n", ".x"])
def test_a_name_that_means_something_to_a_shell_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        plain_name(name)


@pytest.mark.parametrize("path", ["", "nix", "/a b", "/$x", "/a;b", "/a\n"])
def test_a_path_that_means_something_to_a_shell_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        plain_path(path)


def test_names_and_paths_are_given_back() -> None:
    assert plain_name("20261121T120000Z-0123abcd") == "20261121T120000Z-0123abcd"
    assert plain_path("/nix/store/0-a+b_c.d?e=f") == "/nix/store/0-a+b_c.d?e=f"


def test_the_last_verdict_counts_and_steers_no_terminal() -> None:
    done = Done(0, "verdict\tnone\nWelcome!\nverdict\tfailed\ta\x1b[31mb\nlogout\n", "")
    assert verdict_of(done) == ["failed", "ab"]
    assert verdict_of(Done(0, "Welcome!\n", "")) == []


def test_rows_are_taken_from_the_last_answer_only() -> None:
    done = Done(0, "begin\t1\nfact\tfalse\n\nbegin\t1\nfact\ta\tb\x1b[0m\nfact\tc\nend\nfact\tlater\n", "")
    rows = rows_of(done)
    assert rows is not None
    assert (rows["fact"], rows["nothing"]) == ([["a", "b"], ["c"]], [])


@pytest.mark.parametrize("said", ["", "begin\t1\n", "end\n", "begin\t2\nend\n"])
def test_half_an_answer_is_none(said: str) -> None:
    assert rows_of(Done(0, said, "")) is None


def test_the_last_words_are_those_of_errors() -> None:
    assert last_words(Done(1, "out\n", "first\nlast \x1b[31m\n\n")) == "last"
    assert last_words(Done(7, "", "")) == "exit 7"
