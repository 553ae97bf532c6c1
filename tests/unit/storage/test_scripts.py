"""The Lua scripts: their table, the comments that say what each does, and the names shared with Python."""

from __future__ import annotations

import pathlib
import re

import pytest

import storage
from storage.limits import decisions
from storage.queue import appends, streams
from storage.servers import scripts

FOLDER = pathlib.Path(storage.__file__).parent / "lua"
FILES = {
    file.relative_to(FOLDER).with_suffix("").as_posix(): file.read_text("utf-8")
    for file in FOLDER.rglob("*.lua")
}
TABLE = {name: script for name, script in vars(scripts).items() if isinstance(script, scripts.Script)}
LETTERS = re.compile(r"^local ([A-Z_, ]+) = ((?:'\w'(?:, )?)+)", re.MULTILINE)


def letters(name: str) -> dict[str, str]:
    """Return the constants of a file that stand for one letter each."""
    found = LETTERS.search(FILES[name])
    assert found is not None
    return dict(zip(found[1].split(", "), re.findall(r"'(\w)'", found[2]), strict=True))


def test_each_file_is_in_the_table_under_its_name() -> None:
    ran = [name for name in FILES if not name.startswith("preludes/")]
    assert sorted(TABLE) == sorted(name.rpartition("/")[2].upper() for name in ran)
    for name in ran:
        assert TABLE[name.rpartition("/")[2].upper()].text.endswith(FILES[name].partition("\n")[2]), name


def test_each_prelude_stands_before_a_script() -> None:
    for name, text in FILES.items():
        if name.startswith("preludes/"):
            assert any(text in script.text for script in TABLE.values()), name


@pytest.mark.parametrize("name", FILES)
def test_each_file_says_first_what_it_does(name: str) -> None:
    lines = FILES[name].removeprefix("#!lua flags=allow-oom\n").removeprefix("#!lua\n").splitlines()
    comment = "\n".join(line for line in lines[: lines.index(next(x for x in lines if x[:2] != "--"))])
    assert re.match(r"-- [A-Z]", comment)
    if not name.startswith("preludes/"):
        assert re.search(r"\bKEYS: .*\bARGV: .*\bReturns ", comment, re.DOTALL), name


@pytest.mark.parametrize("script", TABLE.values(), ids=TABLE)
def test_flags_stand_in_the_first_line_or_nowhere(script: scripts.Script) -> None:
    assert "#!" not in script.text.partition("\n")[2]


def test_lua_and_python_name_the_same_novelties() -> None:
    assert letters("limits/check_new") == {each.name: each.value for each in decisions.Novelty}


def test_lua_and_python_name_the_same_fields_of_an_entry() -> None:
    assert letters("preludes/stream_entries") == {
        "PROJECT_COUNTS": streams.PROJECT_COUNTS.decode(),
        "VALUE": streams.VALUE.decode(),
        "RECEIVED": streams.RECEIVED.decode(),
    }


def test_lua_and_python_agree_on_the_generations_of_ids() -> None:
    found = re.search(r"^local GENERATION = (\d+)$", FILES["preludes/stream_entries"], re.MULTILINE)
    assert found is not None
    assert int(found[1]) == appends.GENERATION
