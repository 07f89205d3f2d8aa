"""Which packages a system changes: names are told from versions, and closures compared."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyhomelab.nix.packages import Package, UnitFiles, differences, name_and_version, unit_differences

HASH = "2iyfcz0pb0gg9gwlh6zlvd4pj1cb0xfb"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
NAME = st.text("+-._?=0123456789abzABZ", min_size=1, max_size=30)


def path(name: str) -> str:
    return f"/nix/store/{HASH}-{name}"


@pytest.mark.parametrize(
    ("full", "name", "version"),
    [
        ("openssl-3.4.1", "openssl", "3.4.1"),
        ("openssl-3.4.1-bin", "openssl", "3.4.1"),
        ("glibc-2.40-66-getent", "glibc", "2.40-66"),
        ("linux-6.12.30-modules", "linux", "6.12.30"),
        ("python3.12-pyyaml-6.0.2", "python3.12-pyyaml", "6.0.2"),
        ("apache-httpd-2.0.48", "apache-httpd", "2.0.48"),
        ("nixos-system-n1-26.05.20260520.5a2b3c4", "nixos-system-n1", "26.05.20260520.5a2b3c4"),
        ("unit-sshd.service", "unit-sshd.service", ""),
        ("system-path", "system-path", ""),
        ("git-unstable-2026-01-01", "git-unstable", "2026-01-01"),
        ("coreutils-bin", "coreutils-bin", ""),
        ("ends-in-a-dash-", "ends-in-a-dash-", ""),
        ("double--dash", "double", "-dash"),
    ],
)
def test_the_version_begins_at_the_first_dash_that_no_letter_follows(full: str, name: str, version: str) -> None:
    assert name_and_version(path(full)) == (name, version)


@settings(deadline=None)
@given(NAME)
def test_whatever_a_store_path_is_called_it_is_taken_apart_in_one_place_at_most(full: str) -> None:
    name, version = name_and_version(path(full))
    assert full == name if not version else full.startswith(f"{name}-{version}")
    dashes = [place for place, sign in enumerate(name) if sign == "-" and place + 1 < len(name)]
    assert all(name[place + 1] in LETTERS for place in dashes)
    assert not version or version[0] not in LETTERS


@pytest.mark.nix
@pytest.mark.skipif(shutil.which("nix") is None, reason="nix is missing")
@settings(max_examples=20, deadline=None)
@given(st.lists(NAME, min_size=40, max_size=40))
def test_nix_takes_names_apart_in_the_same_place(names: list[str]) -> None:
    expression = f"map builtins.parseDrvName (builtins.fromJSON {json.dumps(json.dumps(names))})"
    argv = ["nix", "--extra-experimental-features", "nix-command", "eval", "--json", "--expr", expression]
    parsed = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout)
    for full, nix in zip(names, parsed, strict=True):
        name, version = name_and_version(path(full))
        assert name == nix["name"]
        assert nix["version"].startswith(version)


def test_what_is_no_store_path_is_called_by_its_last_part() -> None:
    assert name_and_version("hello-1.0") == ("hello", "1.0")
    assert name_and_version("/elsewhere/hello") == ("hello", "")


def test_packages_come_go_and_change_the_largest_first() -> None:
    old = {path("kept-1"): 9000, path("hello-2.11"): 100, path("gone-1.0"): 50}
    new = {path("kept-1"): 9000, path("hello-2.12"): 120, path("come-0.1"): 300}
    assert differences(old, new) == (
        Package("come", (), ("0.1",), 0, 300),
        Package("hello", ("2.11",), ("2.12",), 100, 120),
        Package("gone", ("1.0",), (), 50, 0),
    )


def test_outputs_of_one_package_are_one_package() -> None:
    old = {path("openssl-3.4.1"): 100, path("openssl-3.4.1-bin"): 10}
    new = {path("openssl-3.4.2"): 101, path("openssl-3.4.2-bin"): 11}
    assert differences(old, new) == (Package("openssl", ("3.4.1",), ("3.4.2",), 110, 112),)


def test_a_package_that_is_there_in_two_versions_has_both() -> None:
    old = {path("zlib-1.2"): 10}
    new = {path("zlib-1.2"): 10, path("zlib-1.3"): 12}
    assert differences(old, new) == (Package("zlib", ("1.2",), ("1.2", "1.3"), 10, 22),)


def test_what_is_built_anew_without_another_version_counts_only_if_its_size_changes_by_more_than_a_little() -> None:
    other = f"/nix/store/{HASH[::-1]}-etc"
    assert differences({path("etc"): 1000}, {other: 2000}) == ()
    assert differences({path("etc"): 1000}, {other: 1000 + 8192}) == (Package("etc", ("",), ("",), 1000, 9192),)


def test_units_that_differ_are_named_and_are_no_packages() -> None:
    other = f"/nix/store/{HASH[::-1]}-"
    old = [path("unit-sshd.service"), path("unit-same.timer"), path("unit-gone.socket"), path("unit-dbus.service")]
    new = [f"{other}unit-sshd.service", old[1], path("unit-getty-.service"), path("unit-dbus.service-disabled")]
    before, after = dict.fromkeys(old, 9000), dict.fromkeys(new, 1)
    assert unit_differences(before, after) == UnitFiles(
        changed=("dbus.service", "sshd.service"), added=("getty-.service",), removed=("gone.socket",)
    )
    assert differences(before, after) == ()


@pytest.mark.parametrize("name", ["unit-script-sshd-start", "unit-tests-1.0", "units.service", "unit-.conf"])
def test_what_is_only_called_like_a_unit_is_none(name: str) -> None:
    assert unit_differences({}, {path(name): 1}) == UnitFiles()


@settings(deadline=None)
@given(st.dictionaries(NAME.map(path), st.integers(0, 1 << 40), max_size=8))
def test_a_system_differs_from_itself_in_nothing(closure: dict[str, int]) -> None:
    assert differences(closure, closure) == ()
