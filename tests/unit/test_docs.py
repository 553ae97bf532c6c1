"""All that can be set, called, stored or counted is documented; every link in the docs leads somewhere."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
import typer.main

from deploy import cli, settings
from ingest import refusals
from storage.tables import migrate
from tests.helpers import house, paths, terminals
from workers.model import outcomes

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

ROOT = paths.ROOT
README = (ROOT / "README.md").read_text("utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
PAGES = sorted(
    [*ROOT.glob("docs/**/*.md"), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))]
)

COMMON = {"--data", "--json", "--csv", "--help"}
"""Options that `operate/commands.md` explains once."""
SELECTING = {"findings", "finding", "top", "tail"}
"""Commands whose options have a table of their own there."""


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def commands() -> Iterator[str]:
    group = typer.main.get_group(cli.app)
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        yield from [name] if inner is None else [f"{name} {part}" for part in inner]


def options(command: str) -> set[str]:
    """Return the options of a command, but for those of nearly all."""
    found: Any = typer.main.get_group(cli.app)
    for part in command.split():
        found = found.commands[part]
    return {name for each in found.params for name in each.opts if name.startswith("--")} - COMMON


def columns() -> Iterator[str]:
    for migration in migrate.migrations():
        for statement in migration.statements:
            if statement.count("COMMENT"):
                yield from re.findall(r"^    (\w+) .*COMMENT", statement, re.MULTILINE)


@pytest.mark.parametrize("name", list(settings.Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`HEADRACE_{name.upper()}`" in text("operate/settings.md")


@pytest.mark.parametrize("command", list(commands()))
def test_every_command_is_documented(command: str) -> None:
    assert f"`headrace {command}" in text("operate/commands.md")


@pytest.mark.parametrize("command", list(commands()))
def test_every_option_is_documented(command: str) -> None:
    page, _, shared = text("operate/commands.md").partition("## Options that select")
    rows = [line for line in page.splitlines() if re.match(rf"\| `headrace {command}[ `]", line)]
    told = "".join([*rows, shared] if command in SELECTING else rows)
    for option in options(command):
        assert re.search(rf"{option}[ `]", told), option


@pytest.mark.parametrize("column", sorted(set(columns())))
def test_every_column_is_documented(column: str) -> None:
    assert f"| `{column}` |" in text("query/tables.md")


def test_there_are_columns_to_document() -> None:
    assert len(set(columns())) > 50


@pytest.mark.parametrize("reason", [reason.value for reason in outcomes.Reason])
def test_every_reason_is_documented(reason: str) -> None:
    assert f"| `{reason}` |" in text("query/outcomes.md")


@pytest.mark.parametrize(
    "refusal", [value for value in vars(refusals).values() if isinstance(value, refusals.Refusal)]
)
def test_every_refusal_is_documented(refusal: refusals.Refusal) -> None:
    assert f"| `{refusal.reason}` | {int(refusal.status)} |" in text("query/outcomes.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: pathlib.Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("shown", list(terminals.shown(README)), ids=lambda shown: shown.command[:40])
def test_readme_fits_a_terminal(shown: terminals.Shown) -> None:
    for line in [*f"$ {shown.command}".splitlines(), *shown.output]:
        assert len(line) <= terminals.COLUMNS, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_targets_of_make_exist(page: pathlib.Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    assert set(re.findall(r"(?:`|^\$ )make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE)) <= targets


MAP = re.compile(r"^\| `((?:ingest|workers|storage|deploy)/[\w/.]+)` \| [^|]+ \| ([^|]*)\|$", re.MULTILINE)


def place(module: house.Module) -> str:
    """Return where a module stands on the map: its room, or itself if it lies beside the rooms."""
    path = module.path.relative_to(ROOT)
    folder = path.parent.as_posix()
    return f"{folder}/" if "/" in folder else path.as_posix()


def drawn() -> dict[str, set[str]]:
    """Return the map of the house as the code has it: what each place imports within its folder."""
    modules = {module.name: module for module in house.modules() if module.name.count(".")}
    found: dict[str, set[str]] = {place(module): set() for module in modules.values()}
    for module in modules.values():
        here = place(module)
        for name in module.imports(modules):
            there = place(modules[name])
            if there != here and there.split("/")[0] == here.split("/")[0]:
                found[here].add(there.split("/", 1)[1].removesuffix("/").removesuffix(".py"))
    return found


def test_the_map_of_the_house_is_true() -> None:
    told = {name: set(re.findall(r"`([^`]+)`", stands_on)) for name, stands_on in MAP.findall(CONTRIBUTING)}
    assert told == drawn()


def test_each_room_stands_on_rooms_above_it_in_the_map() -> None:
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for name, stands_on in MAP.findall(CONTRIBUTING):
        top, _, rest = name.partition("/")
        assert set(re.findall(r"`([^`]+)`", stands_on)) <= seen[top], name
        seen[top].add(rest.removesuffix("/").removesuffix(".py"))


def test_the_rooms_that_the_map_calls_pure_are_those_of_the_contract() -> None:
    places = [name for name, _ in MAP.findall(CONTRIBUTING) if name.startswith("workers/")]
    told = {*places[: places.index("workers/draining/")], "workers/explain/"} - {"workers/poison/"}
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    (pure,) = (
        contract["source_modules"]
        for contract in settings["tool"]["importlinter"]["contracts"]
        if "redis" in contract.get("forbidden_modules", ())
    )
    assert "all that stands above `workers/draining/` is pure" in CONTRIBUTING
    assert {name.removesuffix("/").removesuffix(".py").replace("/", ".") for name in told} == {
        name for name in pure if not name.startswith("workers.poison")
    }


def test_readme_shows_what_make_check_runs() -> None:
    (told,) = (shown.output for shown in terminals.shown(README) if shown.command == "make check")
    recipe = re.search(r"^check:.*\n((?:\t.*\n)+)", MAKEFILE, re.MULTILINE)
    assert recipe
    runs = [
        line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines() if "$(BIN)" in line
    ]
    assert [line for line in told if line.startswith(".venv/")] == runs
    contracts = (ROOT / "pyproject.toml").read_text("utf-8").count("[[tool.importlinter.contracts]]")
    assert f"Contracts: {contracts} kept, 0 broken." in told


PATH = re.compile(r"`((?:ingest|workers|storage|deploy|tests|docs|\.ci)/[\w./-]*[\w/])`")
IMAGINED = {"workers/families/clipboard.py", "docs/adr/00NN-in-a-few-words.md"}
"""Files that examples would add."""
MODULE = re.compile(r"`((?:ingest|workers|storage|deploy|tests)(?:\.\w+)+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_paths_and_modules_that_are_named_exist(page: pathlib.Path) -> None:
    told = page.read_text("utf-8")
    homes = {path: [path] for path in PATH.findall(told) if path not in IMAGINED}
    homes |= {name: [*_homes(name)] for name in MODULE.findall(told)}
    assert [name for name, found in homes.items() if not any((ROOT / path).exists() for path in found)] == []


def _homes(name: str) -> Iterator[str]:
    """Yield the paths where a dotted name may live: a module, a folder, or a member of one of these."""
    parts = name.split(".")
    for used in (parts, parts[:-1]):
        if len(used) > 1 or len(parts) == 1:
            yield "/".join(used)
            yield "/".join(used) + ".py"


@pytest.mark.parametrize("test", sorted(set(re.findall(r"`(test_\w+)`", CONTRIBUTING))))
def test_tests_that_contributing_names_exist(test: str) -> None:
    modules = (ROOT / "tests").rglob("*.py")
    assert any(re.search(rf"\bdef {test}\b", module.read_text("utf-8")) for module in modules)


def test_a_reader_finds_a_word_in_the_glossary() -> None:
    words = re.findall(r"^\| \*\*([^*]+)\*\* \|", text("glossary.md"), re.MULTILINE)
    assert len(words) > 80
    assert words == sorted(words, key=str.lower)
