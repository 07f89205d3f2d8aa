"""The JSON Schema: it explains every key, accepts the examples, and the committed copy is current."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from pyhomelab.inventory.schema import json_schema

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTS = Path(__file__).parent.parent / "hosts"
INVENTORIES = sorted([HOSTS / "inventory.yaml", *HOSTS.glob("examples/*/*.yaml")])


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for owner in (schema, *schema["$defs"].values()):
        for name, described in owner.get("properties", {}).items():
            yield f"{owner['title']}.{name}", described


def test_every_key_has_a_title_and_a_description() -> None:
    silent = [name for name, described in properties(json_schema()) if not {"title", "description"} <= described.keys()]
    assert silent == []
    assert len(list(properties(json_schema()))) > 100


def test_the_committed_schema_is_what_the_program_prints() -> None:
    assert (HOSTS / "inventory.schema.json").read_text() == json.dumps(
        json_schema(), indent=2, ensure_ascii=False
    ) + "\n"


@pytest.mark.parametrize("inventory", INVENTORIES, ids=lambda path: str(path.relative_to(HOSTS)))
def test_an_example_obeys_the_schema_and_names_it(inventory: Path) -> None:
    text = inventory.read_text()
    first = text.partition("\n")[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (inventory.parent / first.partition("=")[2]).resolve() == HOSTS / "inventory.schema.json"
    jsonschema.Draft202012Validator(json_schema()).validate(YAML(typ="safe").load(text))


@pytest.mark.parametrize(
    "wrong",
    [
        {"hosts": {"dl1": {"memory": "36GB"}}},
        {"hosts": {"dl1": {"links": {}}}},
        {"networks": {"lan": {"cidr": "192.168.1.0/24", "gatway": "192.168.1.1"}}},
        {"volumes": {"v": {"size": "1GiB", "on": "tank", "replicas": ["a"], "network": "lan", "protocol": "D"}}},
        {"nodes": {}},
    ],
)
def test_the_schema_refuses_what_the_program_refuses(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json_schema()).validate(wrong)
