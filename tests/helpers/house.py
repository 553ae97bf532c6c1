"""The product's own source as Python reads it: modules, classes, functions, imports, docstrings, comments."""

from __future__ import annotations

import ast
import dataclasses
import functools
import io
import re
import tokenize
from typing import TYPE_CHECKING, Final

from tests.helpers import paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

ROOMS: Final = ("ingest", "workers", "storage", "deploy")
"""Folders of the product."""

_SECTIONS: Final = re.compile(r"\n\s*(?:Args|Attributes|Raises|Returns|Yields):\n")
_SENTENCE_ENDS: Final = re.compile(r"(?<=[.:;!?])\s+(?=[A-Z])|\n\s*\n")


@dataclasses.dataclass(frozen=True)
class Module:
    """A module of the product.

    Attributes:
        name: with dots; a package goes by its own name.
        path: its file.
        tree: what Python's parser made of it.
    """

    name: str
    path: Path
    tree: ast.Module

    @property
    def where(self) -> str:
        """The path from the top of the repository."""
        return self.path.relative_to(paths.ROOT).as_posix()

    def classes(self) -> Iterator[str]:
        """Yield the names of all classes, inner ones too."""
        return (node.name for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef))

    def functions(self) -> Iterator[tuple[str, int]]:
        """Yield each function and the lines of source that it takes, signature and docstring included."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1

    def imports(self, modules: Iterable[str]) -> set[str]:
        """Return those of the modules that this one imports, for types alone or in a function too."""
        known, found = set(modules), set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= (inner & known) if inner <= known else (inner | {node.module or ""})
        return (found & known) - {self.name}

    def sentences(self) -> Iterator[tuple[int, str]]:
        """Yield the sentences of all docstrings and comments, each with the line where its text begins."""
        for node in ast.walk(self.tree):
            for line, text in _docstrings(node):
                prose = _SECTIONS.split(text)[0]
                for sentence in _SENTENCE_ENDS.split(prose):
                    yield line, " ".join(sentence.split())
        for token in tokenize.generate_tokens(io.StringIO(self.path.read_text("utf-8")).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string.lstrip("# ")

    def undocumented(self) -> Iterator[str]:
        """Yield the module, public classes, functions and methods that have no docstring."""
        if ast.get_docstring(self.tree) is None:
            yield self.name
        yield from _undocumented(self.tree, self.name)


@functools.cache
def modules() -> tuple[Module, ...]:
    """Return all modules of the product."""
    files = sorted(path for room in ROOMS for path in (paths.ROOT / room).rglob("*.py"))
    return tuple(
        Module(_name(path), path, ast.parse(path.read_text("utf-8"), filename=str(path))) for path in files
    )


def circles(imports: Mapping[str, set[str]]) -> list[list[str]]:
    """Return groups of modules in which each imports, through others, each."""
    reached: dict[str, set[str]] = {}
    for start in imports:
        left, seen = [start], set[str]()
        while left:
            new = imports[left.pop()] - seen
            seen |= new
            left += new
        reached[start] = seen
    groups = {
        tuple(sorted({start} | {other for other in reached[start] if start in reached[other]}))
        for start in imports
        if start in reached[start]
    }
    return sorted(map(list, groups))


def _name(path: Path) -> str:
    return ".".join(path.relative_to(paths.ROOT).with_suffix("").parts).removesuffix(".__init__")


def _docstrings(node: ast.AST) -> Iterator[tuple[int, str]]:
    for statement in getattr(node, "body", ()) if not isinstance(node, ast.Lambda | ast.IfExp) else ():
        match statement:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield statement.lineno, text


def _undocumented(node: ast.Module | ast.ClassDef, place: str) -> Iterator[str]:
    for inner in node.body:
        if not isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if inner.name.startswith("_") or _is_overload(inner):
            continue
        name = f"{place}.{inner.name}"
        if ast.get_docstring(inner) is None:
            yield name
        if isinstance(inner, ast.ClassDef):
            yield from _undocumented(inner, name)


def _is_overload(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    return any(ast.unparse(one) in {"overload", "typing.overload", "override"} for one in node.decorator_list)
