"""The reference pages of docs/ say what the program goes by, and all of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import click
import jsonschema
import pytest
from pydantic import TypeAdapter, create_model
from ruamel.yaml import YAML

from pyhomelab.cli.main import COMMANDS, program
from pyhomelab.errors import HomelabError
from pyhomelab.inventory.schema import json_schema
from pyhomelab.model import Inventory
from pyhomelab.model.base import Model
from tests.modules.harness import NIX, evaluate, needs_nixpkgs_lib
from tests.modules.sources import ROOT, nixpkgs_lib
from tools.pages.__main__ import main
from tools.pages.all import PAGES, declared_options, inventories, missing, said_now
from tools.pages.commands import CODES, all_commands, commands_page, options_of
from tools.pages.inventory import parts_of
from tools.pages.kinds import kind_of
from tools.pages.markdown import anchor, code, plain, prose, table
from tools.pages.options import option, options_page
from tools.pages.yaml import in_lines, on_one_line

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

DOCS = ROOT / "docs"
MODELS: list[type[Model]] = [Inventory, *(part.model for part in parts_of(Inventory))]
KEYS = [(model, name) for model in MODELS for name in model.model_fields]
SCHEMA = json_schema()
TEXT = YAML(typ="safe", pure=True)


def page(name: str) -> str:
    return (DOCS / name).read_text()


def sections(name: str) -> dict[str, str]:
    """The parts of a page by their headings, as Markdown shows these."""
    _, *parts = re.split(r"^#{2,3} ", page(name), flags=re.MULTILINE)
    return {part.partition("\n")[0].strip("`"): part for part in parts}


def field_of(key: tuple[type[Model], str]) -> FieldInfo:
    model, name = key
    return model.model_fields[name]


# Currency


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_current(name: str) -> None:
    if name == "options.md" and missing():
        pytest.skip(missing())
    assert page(name) == said_now(name), f"docs/{name} is stale; run tools/reference --write"


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_a_page_leads_somewhere(name: str) -> None:
    headings = {anchor(heading) for heading in re.findall(r"^#+ (.*)$", page(name), flags=re.MULTILINE)}
    links = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", page(name)))
    assert len(links) > 10
    nowhere = [
        link
        for link in links
        if (link[1:] not in headings if link.startswith("#") else not (DOCS / link).resolve().exists())
    ]
    assert nowhere == []


@pytest.mark.parametrize("name", PAGES)
def test_no_two_headings_of_a_page_have_one_anchor(name: str) -> None:
    anchors = [anchor(heading) for heading in re.findall(r"^##+ (.*)$", page(name), flags=re.MULTILINE)]
    assert len(set(anchors)) == len(anchors)


def test_a_page_holds_nothing_that_a_browser_would_swallow() -> None:
    for name in PAGES:
        prose_only = re.sub(r"```.*?```|`[^`\n]*`|<!--.*?-->|\\<", "", page(name), flags=re.DOTALL)
        assert "<" not in prose_only, name


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [name for name in PAGES if f"(docs/{name})" not in readme] == []


# The inventory


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{key[0].__name__}.{key[1]}")
def test_a_key_of_the_inventory_has_its_row(key: tuple[type[Model], str]) -> None:
    model, name = key
    headings = {part.model: part.heading.strip("`") for part in parts_of(Inventory)} | {Inventory: "Sections"}
    (row,) = [
        line
        for line in sections("inventory.md")[headings[model]].splitlines()
        if re.match(rf"\| (\*\*)?`{name}`", line)
    ]
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
    assert all(cells)
    assert cells[0] == (f"**`{name}`**" if field_of(key).is_required() else f"`{name}`")
    assert (cells[2] == "needed") == field_of(key).is_required()


def test_the_page_of_the_inventory_has_every_part_of_the_schema() -> None:
    parts = {part.model.__name__ for part in parts_of(Inventory)}
    assert parts == set(SCHEMA["$defs"])


@pytest.mark.parametrize(
    "key",
    [key for key in KEYS if kind_of(field_of(key)).example is not None],
    ids=lambda key: f"{key[0].__name__}.{key[1]}",
)
def test_the_example_of_a_key_is_accepted(key: tuple[type[Model], str]) -> None:
    field = field_of(key)
    kind: Any = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    TypeAdapter(kind).validate_python(as_the_reader_gives_it(kind_of(field).example))


def as_the_reader_gives_it(value: Any) -> Any:
    """Every scalar of an inventory comes as text."""
    if isinstance(value, dict):
        return {str(name): as_the_reader_gives_it(inner) for name, inner in value.items()}
    return [as_the_reader_gives_it(inner) for inner in value] if isinstance(value, list) else str(value)


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{key[0].__name__}.{key[1]}")
def test_examples_and_the_default_in_the_schema_obey_it(key: tuple[type[Model], str]) -> None:
    owner = SCHEMA if key[0] is Inventory else SCHEMA["$defs"][key[0].__name__]
    described = owner["properties"][key[1]]
    checker = jsonschema.Draft202012Validator({"$defs": SCHEMA["$defs"], **described})
    shown = [*described.get("examples", []), *([described["default"]] if "default" in described else [])]
    assert shown or field_of(key).is_required()
    for value in shown:
        checker.validate(without_nulls(value))


def without_nulls(value: Any) -> Any:
    """A default that is a part of its own names keys that are absent as null."""
    return {name: one for name, one in value.items() if one is not None} if isinstance(value, dict) else value


def test_every_excerpt_stands_in_an_inventory_of_this_repository() -> None:
    found = [
        TEXT.load(block)
        for block in re.findall(r"^```yaml\n(.*?)^```", page("inventory.md"), flags=re.MULTILINE | re.DOTALL)
    ]
    labs = [TEXT.load(file.read_text()) for file in inventories()]
    assert len(found) > 20
    assert [excerpt for excerpt in found if not any(is_within(excerpt, lab) for lab in labs)] == []


def is_within(part: Any, whole: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(is_within(inner, whole.get(name)) for name, inner in part.items())
    if isinstance(part, list) and part and isinstance(part[0], dict):
        return all(any(is_within(one, other) for other in whole or []) for one in part)
    return bool(part == whole)


def test_a_kind_of_value_without_words_is_refused() -> None:
    wordless: type[Model] = create_model("Wordless", __base__=Model, weight=(complex, 1j))
    with pytest.raises(TypeError) as refused:
        kind_of(wordless.model_fields["weight"])
    assert (
        str(refused.value)
        == "the reference has no words for <class 'complex'>; give the type a Called in pyhomelab/model"
    )


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("26.05", '"26.05"'),
        ("36GiB", "36GiB"),
        ('"hi"', "'\"hi\"'"),
        (["a", 1], "[a, 1]"),
        ({"b": True, "a": {}}, "{b: true, a: {}}"),
    ],
)
def test_a_value_is_written_as_a_person_would(value: object, written: str) -> None:
    assert on_one_line(value) == written
    assert TEXT.load(written) == value


def test_an_excerpt_is_written_in_lines() -> None:
    excerpt = {"hosts": {"dl1": {"vdevs": [{"layout": "mirror", "disks": ["x" * 50, "y" * 50]}], "kvm": {}}}}
    assert in_lines(excerpt).splitlines() == [
        "hosts:",
        "  dl1:",
        "    vdevs:",
        "      - layout: mirror",
        "        disks:",
        f"          - {'x' * 50}",
        f"          - {'y' * 50}",
        "    kvm: {}",
    ]
    assert TEXT.load(in_lines(excerpt)) == excerpt


# The commands


def test_every_command_and_option_is_documented() -> None:
    page_has = sections("commands.md")
    commands = dict(all_commands(program, "pyhomelab"))
    options = [
        (name, option) for name, command in commands.items() for one in options_of(command) for option in one.opts
    ]
    assert len(options) > 40
    missing = [f"{name} {option}" for name, option in options if f"`{option}`" not in page_has.get(name, "")]
    assert missing + [name for name in commands if name not in page_has] == [], "run tools/reference --write"


def test_every_command_is_in_the_table_of_the_readme() -> None:
    cells = re.findall(r"^\| (`.*?) \|", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    named = re.findall(r"`(?:pyhomelab )?(\w+)", " ".join(cells))
    assert [name for name in COMMANDS if name not in named] == []


def test_every_command_explains_itself_with_an_example() -> None:
    for name, command in all_commands(program, "pyhomelab"):
        section = sections("commands.md")[name]
        assert f"```text\n{name}" in section
        assert f"```console\n$ {name}" in section, f"the help of {name} ends without an example"
        assert [option.name for option in options_of(command) if not option.help] == [], name


def test_every_exit_code_is_explained() -> None:
    kinds: list[type[HomelabError]] = [HomelabError, *HomelabError.__subclasses__()]
    by_click = {0, 2}
    assert {kind.exit_code for kind in kinds} | by_click == set(CODES)
    assert [number for number in CODES if f"\n| {number} | " not in sections("commands.md")["Exit codes"]] == []


def test_commands_are_rendered() -> None:
    @click.group()
    def tool() -> None: ...

    @tool.command("mend")
    @click.argument("house")
    @click.argument("rooms", nargs=-1, metavar="[ROOM]...")
    @click.option(
        "--with", "-w", "tool", type=click.Choice(["saw", "axe"]), default="saw", show_default=True, help="By it."
    )
    @click.option("--days", type=click.IntRange(min=1), required=True, help="For so <long>.")
    @click.option("--plan", type=click.Path(dir_okay=False), help="Where it is.")
    @click.option("--quick", is_flag=True, help="In no time.")
    @click.option("--secret", hidden=True)
    def mend(**given: object) -> None:
        """Mend a house.

        It stands
        again.

        Example: tool mend --days 3
          cottage
        """

    @tool.command("paint", hidden=True)
    def paint() -> None:
        """Paint it."""

    assert commands_page(tool).partition("## pyhomelab mend\n")[2].splitlines() == [
        "",
        "```text",
        "pyhomelab mend [OPTIONS] HOUSE [ROOM]...",
        "```",
        "",
        "Mend a house.",
        "",
        "It stands again.",
        "",
        "```console",
        "$ tool mend --days 3 cottage",
        "```",
        "",
        "| option | means | default |",
        "| --- | --- | --- |",
        r"| `--with`, `-w` `saw\|axe` | By it. | `saw` |",
        r"| **`--days` `NUMBER`** | For so \<long>. |  |",
        "| `--plan` `FILE` | Where it is. |  |",
        "| `--quick` | In no time. |  |",
    ]


# The options of the NixOS modules

DESCRIBED = [
    {
        "name": "homelab.shed.doors.<name>.colour",
        "type": "null or (optionally newline-terminated) single-line string",
        "description": "What it is painted with,\nas <name> says.\n",
        "default": {"_type": "literalMD", "text": "that of\nthe shed"},
        "example": {"_type": "literalExpression", "text": '{\n  of = "wood";\n  # or none\n}'},
        "declarations": ["nix/modules/shed/doors.nix"],
    },
    {
        "name": "homelab.shed.enable",
        "type": "boolean",
        "description": "Whether to enable a shed behind the house.",
        "default": {"_type": "literalExpression", "text": "false"},
        "declarations": ["nix/modules/shed.nix"],
    },
]


def test_options_are_rendered_with_the_switch_first() -> None:
    rendered = options_page(map(option, DESCRIBED))
    assert "| [`homelab.shed`](#homelabshed) | a shed behind the house |\n" in rendered
    assert rendered.partition("## homelab.shed\n")[2].splitlines() == [
        "",
        "### `homelab.shed.enable`",
        "",
        "Whether to enable a shed behind the house.",
        "",
        "- type: `boolean`",
        "- default: `false`",
        "- declared in [shed.nix](../nix/modules/shed.nix)",
        "",
        "### `homelab.shed.doors.<name>.colour`",
        "",
        r"What it is painted with, as \<name> says.",
        "",
        "- type: `null or single-line string`",
        "- default: that of the shed",
        "- example:",
        "",
        "  ```nix",
        "  {",
        '    of = "wood";',
        "    # or none",
        "  }",
        "  ```",
        "",
        "- declared in [shed/doors.nix](../nix/modules/shed/doors.nix)",
    ]


@needs_nixpkgs_lib
def test_every_option_that_nix_declares_has_a_section() -> None:
    declared = declared_options()
    assert len(declared) > 150
    assert [one.name for one in declared if one.name not in sections("options.md")] == []
    concerns = evaluate("{ }", "lib.attrNames options.homelab")
    internal = {"kubernetesNode"}  # what k3s and kubeadm have in common
    assert {one.concern for one in declared} == {f"homelab.{name}" for name in concerns if name not in internal}


@needs_nixpkgs_lib
def test_every_option_is_declared_in_a_file_of_the_modules() -> None:
    files = {file for one in declared_options() for file in one.declared}
    assert {Path(file).parts[:2] for file in files} == {("nix", "modules")}
    assert [file for file in files if not (ROOT / file).is_file()] == []


@needs_nixpkgs_lib
def test_every_option_takes_its_own_example(tmp_path: Path) -> None:
    assert refused_examples(tmp_path, {}) == []


@needs_nixpkgs_lib
def test_an_example_that_its_option_would_refuse_is_found(tmp_path: Path) -> None:
    wrong = {"homelab.base.generations": '"ten"', "homelab.zfs.pools.<name>.vdevs.*.layout": '"raid5"'}
    assert refused_examples(tmp_path, wrong) == sorted(wrong)


def refused_examples(directory: Path, others: dict[str, str]) -> list[str]:
    shown = {one.name: one.example for one in declared_options() if one.example is not None} | others
    assert len(shown) > 100
    file = directory / "examples.nix"
    file.write_text(
        "{ lib, pkgs }: {\n" + "".join(f"{json.dumps(name)} =\n{text}\n;\n" for name, text in shown.items()) + "}\n"
    )
    given = f"inherit lib options; examples = import {file} {{ inherit lib pkgs; }};"
    names: list[str] = evaluate("{ }", f"import {NIX}/examples.nix {{ {given} }}")
    return names


@needs_nixpkgs_lib
def test_the_manual_of_nixos_is_asked_for_the_same_options() -> None:
    # The program that renders it is in nixpkgs outside of its lib; this one gives what it was asked for.
    pkgs = """{ nixosOptionsDoc = asked: { optionsCommonMark =
      map asked.transformOptions (lib.filter (one: one.visible && !one.internal && !one.readOnly)
        (lib.optionAttrSetToDocList asked.options)); }; }"""
    doc = f"import {ROOT}/nix/options-doc.nix {{ lib = import {nixpkgs_lib()}; pkgs = {pkgs}; }}"
    in_manual, on_page = evaluate("{ }", f"let doc = {doc}; in [ doc.manual doc.list ]", lab=None)
    assert len(on_page) > 150
    named = [one | {"declarations": [{"name": file} for file in one["declarations"]]} for one in on_page]
    assert in_manual == named


# The program


def test_pages_that_are_current_are_said_to_be_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert {"docs/inventory.md: current", "docs/commands.md: current"} <= set(capsys.readouterr().out.splitlines())


def test_a_stale_page_is_shown_and_renewed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in PAGES:
        (tmp_path / name).write_text(page(name))
    (tmp_path / "commands.md").write_text(page("commands.md").replace("# Commands\n", "# What it knows\n"))
    assert main([], tmp_path) == 1
    assert capsys.readouterr().out.splitlines()[1:7] == [
        "docs/commands.md: stale; `tools/reference --write` renews it",
        "--- as it is",
        "+++ as it would be",
        "@@ -1,2 +1,2 @@",
        "-# What it knows",
        "+# Commands",
    ]
    assert main(["--write"], tmp_path) == 0
    assert (tmp_path / "commands.md").read_text() == page("commands.md")
    assert "docs/commands.md: written" in capsys.readouterr().out


def test_without_nix_the_page_of_the_options_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["--write"], tmp_path) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == ["docs/inventory.md: written", "docs/commands.md: written"]
    assert said.err == "docs/options.md: left as it is: nix-instantiate is not on PATH\n"
    assert not (tmp_path / "options.md").exists()


# Markdown


@pytest.mark.parametrize(
    ("heading", "place"),
    [
        ("Exit codes", "exit-codes"),
        ("`hosts.<name>.zfs.<name>`", "hostsnamezfsname"),
        ("`networks.<name>.vdevs[]`", "networksnamevdevs"),
        ("pyhomelab secret list", "pyhomelab-secret-list"),
        ("on_no_quorum", "on_no_quorum"),
    ],
)
def test_a_heading_is_linked_to_as_github_does(heading: str, place: str) -> None:
    assert anchor(heading) == place


def test_what_markdown_would_read_as_more_than_words_is_kept() -> None:
    assert plain("`a<b>*` is <c> and *d*") == r"`a<b>*` is \<c> and \*d\*"
    assert code("a") == "`a`"
    assert code("a`b") == "`` a`b ``"
    assert table(["a"], [["x | y\nz"]]) == "| a |\n| --- |\n| x \\| y z |"


def test_paragraphs_are_filled_and_lists_left_alone() -> None:
    assert prose("a\nb\n\n- c\n- d\n") == "a b\n\n- c\n- d"
    assert max(len(line) for line in prose("word " * 100).splitlines()) <= 120
