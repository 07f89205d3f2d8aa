"""JSON Schema of the inventory, by which an editor explains and completes it."""

from __future__ import annotations

from typing import Any

from pyhomelab.model import Inventory


def json_schema() -> dict[str, Any]:
    """Give the schema (draft 2020-12) of an inventory file.

    Any section may stand in another file of the same directory, so none is required.
    """
    schema = Inventory.model_json_schema()
    schema.pop("required", None)
    for owner in (schema, *schema["$defs"].values()):
        for described in owner.get("properties", {}).values():
            _explain(described, schema["$defs"])
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pyhomelab inventory",
        "description": "A home lab: its machines, networks, pools, volumes, guests and clusters.",
    }
    return {**head, **{key: value for key, value in schema.items() if key not in head}}


def _explain(described: dict[str, Any], definitions: dict[str, Any]) -> None:
    """Give a key that only refers to a definition that definition's title, which pydantic leaves out as redundant."""
    if "$ref" in described:
        definition = definitions[described["$ref"].rpartition("/")[2]]
        described.setdefault("title", definition["title"])
        described.setdefault("description", definition["description"])
