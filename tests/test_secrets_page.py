"""docs/secrets.md says what the program goes by."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from pyhomelab.cli.secret import command
from pyhomelab.inventory.load import understand
from pyhomelab.text.source import parse
from tests.labs import written
from tests.modules.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE: Path = ROOT / "docs/secrets.md"
TEXT = PAGE.read_text()


def test_every_command_of_secrets_is_on_the_page_and_no_other() -> None:
    named = set(re.findall("pyhomelab secret ([a-z]+)", TEXT))

    assert named - command.commands.keys() == set()
    assert command.commands.keys() - named <= {"get"}


def test_the_options_on_the_page_exist() -> None:
    known = {name for one in command.commands.values() for option in one.params for name in option.opts}

    assert set(re.findall("--[a-z]+", TEXT)) <= known


def test_the_inventory_on_the_page_is_one_without_a_mistake() -> None:
    [example] = re.findall("```yaml\n(.*?)```", TEXT, re.DOTALL)

    lab, mistakes = understand(written() | parse(example, "").root.plain())

    assert mistakes == []
    assert lab is not None
    assert lab.secrets["backup-password"].owner == "restic"


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)h][^)]*)\)", TEXT))
def test_what_the_page_links_to_exists(link: str) -> None:
    assert (PAGE.parent / link.partition("#")[0]).exists()
