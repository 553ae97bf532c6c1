"""What can be set, called, stored or counted is documented; every link in the docs leads somewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import typer.main

from deploy import cli, settings
from ingest import refusals
from storage.tables import migrate
from tests.helpers import paths, terminals
from workers.model import outcomes

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

ROOT = paths.ROOT
README = (ROOT / "README.md").read_text("utf-8")
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
PAGES = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


def commands() -> Iterator[str]:
    group = typer.main.get_group(cli.app)
    for name, command in group.commands.items():
        inner = getattr(command, "commands", None)
        yield from [name] if inner is None else [f"{name} {part}" for part in inner]


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


def test_readme_shows_what_make_can_do() -> None:
    targets = re.findall(r"^([a-z]+):.*## (.*)", MAKEFILE, re.MULTILINE)
    helped = [shown.output for shown in terminals.shown(README) if shown.command == "make help"]
    assert helped == [[f"{name:10}{told}" for name, told in targets]]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_targets_of_make_exist(page: pathlib.Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))
    assert set(re.findall(r"(?:`|^\$ )make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE)) <= targets
