"""SQL beside modules: how it is read, and that each statement that is named is there, and used."""

from __future__ import annotations

import ast
import importlib
import pathlib
import re
import sys
from typing import TYPE_CHECKING

import pytest

import storage
from storage.servers import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = pathlib.Path(storage.__file__).parent
MODULES = sorted(
    ".".join(("storage", *file.relative_to(ROOT).with_suffix("").parts))
    for file in ROOT.rglob("*.sql")
    if file.with_suffix(".py").exists()
)
STATEMENT = re.compile(
    r"\s*(SELECT|INSERT INTO|ALTER TABLE|DELETE FROM|WITH|CREATE (TEMPORARY )?(TABLE|DATABASE)|DROP)\s"
)


def write(folder: pathlib.Path, text: str) -> str:
    package = f"p{abs(hash(folder))}"
    (folder / package).mkdir()
    (folder / package / "__init__.py").touch()
    (folder / package / "module.sql").write_text(text, "utf-8")
    return f"{package}.module"


def test_statements_have_names_parts_and_comments(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    module = write(
        tmp_path,
        "-- A file about {nothing}.\n\n-- name: condition\n-- Whose rows.\nproject_id = %(id)s\n\n"
        "-- name: rows\nSELECT 1 FROM t\n-- between\nWHERE {condition} AND n < {most} AND {{more}} %% 2\n",
    )
    found = sql.beside(module, most=7)
    assert found["condition"] == "project_id = %(id)s"
    assert found["rows"] == "SELECT 1 FROM t\nWHERE project_id = %(id)s AND n < 7 AND {more} %% 2"


def test_a_part_that_is_not_there_is_told_at_once(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    with pytest.raises(KeyError, match="gone"):
        sql.beside(write(tmp_path, "-- name: rows\nSELECT {gone}\n"))


def texts(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("module", MODULES)
def test_each_statement_is_used_and_each_name_is_a_statement(module: str) -> None:
    file = ROOT.joinpath(*module.split(".")[1:]).with_suffix(".py")
    importlib.import_module(module)
    stored = file.with_suffix(".sql").read_text("utf-8")
    names = set(re.findall(r"^-- name: (\w+)$", stored, re.MULTILINE))
    source = file.read_text("utf-8")
    used = set(re.findall(r'_SQL\["(\w+)"\]', source))
    handed_on = set(re.findall(r'"(\w+)"', source))  # a statement's name may be an argument
    parts = set(re.findall(r"(?<!\{)\{(\w+)\}(?!\})", stored))
    assert used <= names
    assert names == used | (names & (parts | handed_on))


def test_no_sql_stands_in_python() -> None:
    for file in ROOT.rglob("*.py"):
        found = [text for text in texts(file.read_text("utf-8")) if STATEMENT.match(text)]
        assert not found, f"{file.relative_to(ROOT)}: {found[0]!r}"
