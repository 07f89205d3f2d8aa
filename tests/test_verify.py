"""`pyhomelab verify` without a host: what it names, what it refuses, and what it says of machines that nobody can ask."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest

from tests.test_cli import LAB, ended

CHECKED = """\
    checks: {web: {http: "https://dl1/health"}}
    ssh: {address: 127.0.0.1, port: 1}
  dl2:
    cpu_threads: 4
    memory: 8GiB
    tags: [spare]
    boot: {disk: /dev/disk/by-id/ata-SSD_2}
    links: {eno1: {network: lan, address: 192.168.10.12}}
    ssh: {address: 127.0.0.1, port: 1}
"""
NAMES = ("the system is up", "the system's disks take writes")
SILENT = "root@127.0.0.1:1 cannot be reached: connection refused (3 attempts)"


@pytest.fixture
def hosts(tmp_path: Path) -> str:
    (tmp_path / "hosts").mkdir()
    (tmp_path / "hosts/inventory.yaml").write_text(f"{LAB}{CHECKED}")
    return str(tmp_path / "hosts")


def test_list_names_the_checks_of_every_machine_and_asks_nobody(hosts: str) -> None:
    code, out, err = ended("verify", "--list", hosts)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        *(f"dl1: base: {name}" for name in NAMES),
        "dl1: network: eno1 is up and has 192.168.10.11/24",
        "dl1: declared: web: https://dl1/health answers 200",
        *(f"dl2: base: {name}" for name in NAMES),
        "dl2: network: eno1 is up and has 192.168.10.12/24",
    ]


def test_list_names_the_deep_ones_if_they_are_asked_for(hosts: str) -> None:
    deep = set(ended("verify", "--list", "--deep", hosts)[1].splitlines())
    assert deep > set(ended("verify", "--list", hosts)[1].splitlines())
    assert {
        "dl2: base: its clock is synchronised",
        "dl1: declared: web: the certificate of https://dl1/health lasts",
    } <= deep


def test_list_as_json_has_what_it_takes_to_run_the_checks_elsewhere(hosts: str) -> None:
    code, out, _ = ended("verify", "--list", "--json", "--on", "@spare", hosts)
    listed = json.loads(out)["hosts"]
    assert (code, list(listed), len(listed["dl2"])) == (0, ["dl2"], 3)
    for check in listed["dl2"]:
        assert list(check) == ["name", "role", "about", "deep", "script", "patience", "limit", "mend"]
        assert check["script"].startswith("export LC_ALL=C\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--host", "dl3"], "dl3: is no machine of the lab; did you mean dl1 or dl2?"),
        (["--on", "@spars"], "@spars: is a tag that no machine has; did you mean @spare?"),
        (["--list", "--host", "dl3"], "dl3: is no machine of the lab; did you mean dl1 or dl2?"),
    ],
)
def test_a_name_or_a_tag_that_nobody_has_is_refused_with_what_was_meant(
    hosts: str, words: list[str], sentence: str
) -> None:
    assert ended("verify", *words, hosts) == (3, "", f"{sentence}\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--wait", "soon"], "Invalid value for '--wait': soon is no time; write it like 90s, 10m or 1h"),
        (["--junit", "/nowhere/x.xml"], "Invalid value for '--junit': there is no directory /nowhere"),
        (["--json", "--json-events"], "--json and --json-events are both for stdout: choose one"),
        (["--list", "--wait", "1m"], "--wait is about answers, and with --list nobody is asked: leave one out"),
        (["--list", "--junit", "x.xml"], "--junit is about answers, and with --list nobody is asked: leave one out"),
        (["--list", "--json-events"], "--json-events is about answers, and with --list nobody is asked: leave one out"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(hosts: str, words: list[str], sentence: str) -> None:
    code, out, err = ended("verify", *words, hosts)
    assert (code, out, err.splitlines()[-1]) == (2, "", f"Error: {sentence}")


def test_machines_that_nobody_can_ask_exit_5_and_pass_nothing(hosts: str, tmp_path: Path) -> None:
    code, out, err = ended("verify", "--junit", str(tmp_path / "found.xml"), hosts)
    assert code == 5
    rows = [line.split("  ") for line in out.splitlines()[2:]]
    assert [[word.strip() for word in row if word.strip()] for row in rows] == [
        ["dl1", "4", "0", "0", "4", "unreachable"],
        ["dl2", "3", "0", "0", "3", "unreachable"],
    ]
    lines = err.splitlines()
    assert sorted(lines[:4]) == [
        f"{name}: {line}" for name in ("dl1", "dl2") for line in ("asking its checks", f"verify: unreachable: {SILENT}")
    ]
    assert [line.partition(";")[0] for line in lines[4:6]] == [f"dl1: {SILENT}", f"dl2: {SILENT}"]
    assert lines[6:] == ["7 checks could not be run on dl1 and dl2"]
    root = parse(tmp_path / "found.xml").getroot()  # noqa: S314 - our own
    assert (root.get("tests"), root.get("errors"), root.get("failures")) == ("7", "7", "0")


def test_json_tells_why_a_machine_could_not_be_asked(hosts: str) -> None:
    code, out, _ = ended("verify", "--json", "--host", "dl2", hosts)
    told = json.loads(out)
    assert (code, told["counts"]) == (5, {"hold": 0, "fail": 0, "not_run": 3, "elsewhere": 0})
    dl2 = told["hosts"]["dl2"]
    assert dl2["state"] == "unreachable"
    assert dl2["said"].startswith(f"dl2: {SILENT}; ")
    assert {(check["verdict"], check["said"]) for check in dl2["checks"]} == {("not run", SILENT)}


def test_events_tell_how_each_machine_ended(hosts: str) -> None:
    code, out, err = ended("verify", "--json-events", "--host", "dl2", hosts)
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["event"] for event in events] == ["stage-began", "stage-ended", "host-ended"]
    assert (code, events[-1]["became"], events[-1]["is_well"]) == (5, "unreachable", False)
    assert err.splitlines()[-1] == "3 checks could not be run on dl2"


def test_a_file_that_cannot_be_written_is_named(hosts: str) -> None:
    Path(hosts, "found.xml").mkdir()
    code, _, err = ended("verify", "--junit", f"{hosts}/found.xml", hosts)
    assert (code, err.splitlines()[-1]) == (
        2,
        f"Error: Invalid value for '--junit': File '{hosts}/found.xml' is a directory.",
    )
