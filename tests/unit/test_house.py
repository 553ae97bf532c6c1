"""A stranger finds every room: names, folders, lengths, circles and sentences are kept in order."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Final

import pytest

from tests.helpers import house, paths

MOST_FILES: Final = 15
REGISTRIES: Final = {
    "workers/families": "a module for each family of reports",
    "deploy/cli": "a module for each command",
}
"""Folders that may hold more files, and why."""

MOST_LINES: Final = 40

HIDDEN_SUBJECT: Final = re.compile(
    r"(?:Of|Who|Whoever|Whom|Whose|What|Whatever|Whichever|Which|Those|That) (?!is [^.]*\?$)"
)
"""An opening that leaves the reader to look elsewhere for the noun which the sentence is about."""


def test_no_two_modules_define_a_class_of_the_same_name() -> None:
    places = defaultdict(set)
    for module in house.modules():
        for name in module.classes():
            places[name].add(module.where)
    assert {name: sorted(found) for name, found in places.items() if len(found) > 1} == {}


def test_no_folder_holds_more_files_than_a_reader_can_survey() -> None:
    files = Counter(module.path.parent for module in house.modules())
    crowded = {
        folder.relative_to(paths.ROOT).as_posix() for folder, count in files.items() if count > MOST_FILES
    }
    assert crowded <= set(REGISTRIES)
    assert set(REGISTRIES) <= crowded, "an exception that is not needed"


def test_no_function_is_longer_than_a_screen() -> None:
    found = [(module.where, *one) for module in house.modules() for one in module.functions()]
    assert [one for one in found if one[-1] > MOST_LINES] == []


def test_no_modules_import_each_other() -> None:
    modules = house.modules()
    names = {module.name for module in modules}
    assert house.circles({module.name: module.imports(names) for module in modules}) == []


@pytest.mark.parametrize(
    ("imports", "expected"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b"}, "b": {"a"}, "c": {"a"}}, [["a", "b"]]),
        ({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"d"}}, [["a", "b", "c"], ["d"]]),
    ],
)
def test_a_circle_is_found(imports: dict[str, set[str]], expected: list[list[str]]) -> None:
    assert house.circles(imports) == expected


def test_everything_public_has_a_docstring() -> None:
    assert [name for module in house.modules() for name in module.undocumented()] == []


def test_each_sentence_stands_alone() -> None:
    found = [
        f"{module.where}:{line}: {sentence}"
        for module in house.modules()
        for line, sentence in module.sentences()
        if HIDDEN_SUBJECT.match(sentence)
    ]
    assert not found, "\n".join(found)


def test_no_test_module_is_imported() -> None:
    """Code that tests share lies in ``tests/helpers``, or beside them in a module without tests."""
    pattern = re.compile(
        r"^\s*(?:from tests[\w.]*\.test_\w+ import|from tests[\w.]* import .*\btest_\w)", re.MULTILINE
    )
    found = {path.relative_to(paths.ROOT).as_posix() for path in (paths.ROOT / "tests").rglob("*.py")}
    assert [name for name in sorted(found) if pattern.search((paths.ROOT / name).read_text("utf-8"))] == []
