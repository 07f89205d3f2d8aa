from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from ruamel.yaml import YAML

from pyhomelab.checks import checks_of
from pyhomelab.checks.check import Role
from tests.checks.asking import EXAMPLES, example
from tests.labs import lab, said

TEXT = (Path(__file__).parent.parent.parent / "docs/checks.md").read_text()


def test_the_table_has_every_role() -> None:
    rows = re.findall(r"^\| ([a-z0-9, ]+) \| .* \| .* \| .* \|$", TEXT, re.MULTILINE)
    assert {role for row in rows for role in row.split(", ")} - {"role"} == set(get_args(Role))


def test_the_table_says_how_long_each_role_may_take() -> None:
    words = {10: "10 s", 60: "1 min", 120: "2 min", 300: "5 min"}
    found = {
        (check.role, words[check.patience])
        for directory in EXAMPLES
        for checks in checks_of(example(directory)).values()
        for check in checks
        if check.role != "declared"
    }
    rows = re.findall(r"^\| ([a-z0-9, ]+) \| .* \| ([0-9]+ (?:s|min)) \| .* \|$", TEXT, re.MULTILINE)
    assert {(role, time) for roles, time in rows for role in roles.split(", ")} == found


def test_the_table_of_the_deep_ones_has_every_role_that_has_some() -> None:
    declared = checks_of(lab({"hosts.dl1.checks": {"web": {"http": "https://dl1/"}}}), deep=True)["dl1"]
    found = [
        check for directory in EXAMPLES for own in checks_of(example(directory), deep=True).values() for check in own
    ]
    deep = {check.role for check in (*found, *declared) if check.deep}
    rows = re.findall(r"^\| ([a-z0-9]+) \| [^|]* \| [^|]* \|$", TEXT.partition("## Deep ones")[2], re.MULTILINE)
    assert set(rows) - {"role"} == deep
    assert {check.patience for check in found if check.deep} == {10}


def test_the_checks_that_it_shows_can_be_declared() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    checks = YAML(typ="base").load(shown)["checks"]
    assert list(checks) == ["web", "dns", "nginx", "backup"]
    assert said({"hosts.dl1.checks": checks}) == []
