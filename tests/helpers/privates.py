"""Finds where the product relies on the inside of a library: on privates, and on what its classes override.

A subclass relies on more of its base than the names that begin with an underscore: a method that is renamed
is overridden no more, and nothing says so.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
import textwrap
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.helpers import paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

ROOTS: Final = ("ingest", "workers", "storage", "deploy")
DECLARATIVE: Final = frozenset({"msgspec", "pydantic", "pydantic_settings"})
"""Libraries whose documented interface is the body of a subclass."""
UNDOCUMENTED: Final = ("gunicorn.", "rq.")
"""Libraries that document no interface for subclasses: a method that these call is a private as well."""
DOCUMENTED: Final = frozenset({"_abc_impl", "_asdict", "_exit", "_fields", "_make", "_replace", "_value_"})
"""Names of the standard library that begin with an underscore and are documented."""


class Use(NamedTuple):
    """One private of a library that the product uses.

    Attributes:
        owner: the class or module that has it, as a dotted path.
        name: its name.
        user: the class of the product that uses it, or the module where no class does.
    """

    owner: str
    name: str
    user: str


STARS: Final[dict[object, str]] = {
    inspect.Parameter.VAR_POSITIONAL: "*",
    inspect.Parameter.VAR_KEYWORD: "**",
}


def uses() -> set[Use]:
    """Return every private of a library that the product uses."""
    return {use for path in _sources() for use in _uses_of(path)}


def attributes() -> set[str]:
    """Return the names of all attributes that occur in the product, and of all that its classes define."""
    names = set()
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                names.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                names.add(node.value)  # an attribute that is named in a table
    return names


def shape(function: object) -> str:
    """Return the parameters of a function without annotations and defaults, which differ between Pythons."""
    function = getattr(function, "__func__", function)  # of a class method
    if not callable(function):
        return ""
    parts, keyword_only = [], False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not keyword_only:
            parts.append("*")
        keyword_only |= parameter.kind in {parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL}
        stars = STARS.get(parameter.kind, "")
        default = "" if parameter.default is parameter.empty else "="
        parts.append(f"{stars}{parameter.name}{default}")
    return ", ".join(parts)


def find(owner: str, name: str) -> object:
    """Return what a class or module of a library has under a name; its instances' attributes give "".

    Raises:
        AttributeError: it has none.
    """
    found = _resolve(owner)
    if name in vars(found):
        return vars(found)[name]
    if isinstance(found, type) and name in _assigned(found):
        return ""
    raise AttributeError(f"{owner} has no {name}.")


def _sources() -> Iterator[Path]:
    for root in ROOTS:
        yield from sorted((paths.ROOT / root).rglob("*.py"))


def _uses_of(path: Path) -> Iterator[Use]:
    tree = ast.parse(path.read_text("utf-8"))
    imported = {alias: module for alias, module in _imports(tree) if _is_foreign(module)}
    if not imported:
        return
    where = ".".join(path.relative_to(paths.ROOT).with_suffix("").parts)
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.bases]
    if any(_root_name(base) in imported for node in classes for base in node.bases):
        module = importlib.import_module(where)
        for node in classes:
            kind = getattr(module, node.name, None)  # a class within a function has none
            if isinstance(kind, type):
                yield from _uses_of_class(kind, node)
    yield from _uses_of_objects(tree, imported, where)


def _uses_of_class(kind: type, node: ast.ClassDef) -> Iterator[Use]:
    """Yield what a class overrides of its foreign bases, and what it uses of them through ``self``."""
    bases = [base for base in kind.__mro__ if _is_foreign(base.__module__)]
    if not bases:
        return
    used = {
        inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute) and _is_self(inner.value)
    }
    for name in used | vars(kind).keys():
        owner = next((base for base in bases if _has(base, name)), None)
        if (
            owner is None or name.startswith("__") or name in DOCUMENTED
        ):  # which Python's data model documents
            continue
        is_called = _path(owner).startswith(UNDOCUMENTED) and _is_method(vars(owner).get(name))
        if name in vars(kind) or _is_private(name) or is_called:
            yield Use(_path(owner), name, kind.__name__)


def _uses_of_objects(tree: ast.Module, imported: dict[str, str], where: str) -> Iterator[Use]:
    """Yield privates of objects that are not ``self``, and attributes of modules that are replaced."""
    own = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    own |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_self(node.value)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or _is_self(node.value):
            continue
        base = ast.unparse(node.value)
        is_replaced = isinstance(node.ctx, ast.Store) and base in imported
        is_private = _is_private(node.attr) and node.attr not in own | DOCUMENTED
        if is_replaced or (is_private and _root_name(node.value) not in sys.stdlib_module_names):
            yield Use(imported.get(base, ""), node.attr, where)


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield the names that a module imports, each with the path of what it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                yield (one.asname or one.name.partition(".")[0], one.name)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                yield (one.asname or one.name, f"{node.module}.{one.name}")


def _is_foreign(module: str) -> bool:
    root = module.partition(".")[0]
    return root not in {*ROOTS, *DECLARATIVE, *sys.stdlib_module_names}


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _is_method(value: object) -> bool:
    return callable(value) or isinstance(value, property)


def _is_self(node: ast.expr) -> bool:
    return ast.unparse(node) in {"self", "cls", "super()"}


def _root_name(node: ast.expr) -> str:
    return ast.unparse(node).partition(".")[0].partition("[")[0].partition("(")[0]


def _has(kind: type, name: str) -> bool:
    return name in vars(kind) or name in _assigned(kind)


@cache
def _assigned(kind: type) -> frozenset[str]:
    """Return the names of the attributes that the methods of a class assign to ``self``."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError):  # a class without Python source
        return frozenset()
    return frozenset(_stored(tree))


def _stored(tree: ast.Module) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
            yield node.attr


def _path(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _resolve(owner: str) -> object:
    """Return the class or module of a dotted path."""
    module, _, name = owner.rpartition(".")
    try:
        return importlib.import_module(owner)
    except ModuleNotFoundError:
        found: object = getattr(importlib.import_module(module), name)
        return found
