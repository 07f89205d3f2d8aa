"""The steps that the VM tests share, taken on this machine: its shell runs what the driver's machines would."""

from __future__ import annotations

import json
import re
import subprocess
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pyhomelab.checks import NOT_HERE, NOT_JUDGED, Check
from pyhomelab.checks.check import script
from tests.modules.sources import ROOT
from tests.test_vm_tests import type_mistakes

if TYPE_CHECKING:
    from pathlib import Path

LIB = ROOT / "vm-tests/lib"
STEPS = (LIB / "steps.py").read_text()


@dataclass
class Here:
    """This machine, as the driver would run commands on another."""

    name: str = "attic"

    def execute(self, command: str, /) -> tuple[int, str]:
        """Run a command as the driver does."""
        done = subprocess.run(
            ["bash", "-c", f"set -euo pipefail; {command}"], stdout=subprocess.PIPE, text=True, check=False, timeout=60
        )
        return done.returncode, done.stdout


def steps(*checks: Check, machine: str = "attic") -> dict[str, Any]:
    """The functions, with checks for a machine put in as make-lab-test.nix does."""
    text = json.dumps({machine: [asdict(check) for check in checks]})
    names: dict[str, Any] = {}
    # A class of the steps looks for its module, which the driver gives them too.
    names["__name__"] = "steps"
    exec(STEPS.replace('json.loads("{}")', f"json.loads({json.dumps(text)})"), names)  # noqa: S102 - as the driver does
    return names


def check(name: str, text: str, role: Any = "base", patience: int = 0) -> Check:
    return Check(name, role, script(text), patience, "mend it")


def test_a_check_that_holds_is_no_failure() -> None:
    asked = steps(check("it is well", "echo 'all is well'"))
    assert asked["findings"](Here()) == {"it is well": ""}
    asked["verify"](Here())


def test_a_check_that_fails_is_named_with_what_it_said_last() -> None:
    asked = steps(
        check("it is well", "true"), check("pool tank is ONLINE", "echo looking; echo it is DEGRADED; exit 1")
    )
    assert asked["failing"](Here()) == ["pool tank is ONLINE"]
    with pytest.raises(AssertionError, match=r"^attic: pool tank is ONLINE: it is DEGRADED$"):
        asked["verify"](Here())


@pytest.mark.parametrize("code", [NOT_JUDGED, NOT_HERE])
def test_a_check_that_cannot_tell_does_not_hold(code: int) -> None:
    asked = steps(check("a guest runs", f"echo there is no virsh here; exit {code}"))
    assert asked["findings"](Here()) == {"a guest runs": "cannot be told: there is no virsh here"}


def test_a_check_that_hangs_is_ended_at_its_limit() -> None:
    hangs = Check("it answers", "base", script("echo waiting; sleep 50"), 0, "", limit=1)
    began = time.monotonic()
    assert steps(hangs)["failing"](Here()) == ["it answers"]
    assert time.monotonic() - began < 20


def test_a_check_that_says_nothing_is_named_with_its_exit_code() -> None:
    assert steps(check("it is well", "exit 4"))["findings"](Here()) == {"it is well": "exit 4"}


def test_only_the_checks_of_a_role_are_asked() -> None:
    asked = steps(check("it is well", "exit 1"), check("pool tank is ONLINE", "true", role="zfs"))
    asked["verify"](Here(), "zfs")
    assert asked["failing"](Here()) == ["it is well"]


def test_a_role_without_a_check_is_a_mistake_of_the_test() -> None:
    with pytest.raises(AssertionError, match=r"^attic has no check of the role drbd$"):
        steps(check("it is well", "true"))["verify"](Here(), "drbd")


def test_what_does_not_hold_yet_is_asked_again_for_as_long_as_it_may_take(tmp_path: Path) -> None:
    late = check("it comes", f"echo . >> {tmp_path}/asked; [ $(wc -l < {tmp_path}/asked) -ge 3 ]", patience=60)
    steps(late)["verify"](Here())
    assert (tmp_path / "asked").read_text().count(".") == 3


def test_a_failure_that_is_waited_for_is_seen_when_it_comes(tmp_path: Path) -> None:
    soon = check("it lasts", f"echo . >> {tmp_path}/asked; [ $(wc -l < {tmp_path}/asked) -lt 3 ]")
    steps(soon)["verify_fails"](Here(), "it lasts")
    assert (tmp_path / "asked").read_text().count(".") == 3


def test_a_failure_that_does_not_come_is_a_failure_of_the_test() -> None:
    asked = steps(check("it lasts", "true"))
    asked["_LONGEST"] = 1
    with pytest.raises(AssertionError, match=r"^attic: of it lasts fail only $"):
        asked["verify_fails"](Here(), "it lasts")


def test_the_checks_of_every_lab_are_put_in_where_the_steps_have_a_place_for_them() -> None:
    assert STEPS.count('json.loads("{}")') == 1


def test_the_steps_alone_are_what_the_driver_takes(tmp_path: Path) -> None:
    assert type_mistakes(STEPS, ["attic"], tmp_path) == []
    assert type_mistakes(f"{STEPS}\n\nverify(attic)\nboot_with_pools(attic)\n", ["attic"], tmp_path) == []


def test_a_machine_that_cannot_be_asked_is_found_by_its_type(tmp_path: Path) -> None:
    (said,) = [line for line in type_mistakes(f'{STEPS}\n\nverify("attic")\n', ["attic"], tmp_path) if "error" in line]
    assert 'Argument 1 to "verify" has incompatible type "str"; expected "Asked"' in said


def test_every_name_of_a_check_in_a_script_is_one_of_its_lab() -> None:
    named: list[str] = []
    for test in (ROOT / "vm-tests").glob("*.nix"):
        calls = re.findall(r'verify_fails\(\w+(?:\[\d\])?, ((?:f?"[^"]+"(?:, )?)+)', test.read_text())
        words = [word for names in calls for word in re.findall(r'(?<!f)"([^"{]+)"', names)]
        for lab in set(re.findall(r"lab = \./labs/([\w-]+);", test.read_text())):
            checks = json.loads((ROOT / "vm-tests/labs" / lab / "checks.json").read_text())
            assert set(words) <= {one["name"] for found in checks.values() for one in found}
        named += words
    assert len(named) > 5
