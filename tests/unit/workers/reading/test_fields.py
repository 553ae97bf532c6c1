"""Lenient reading of single fields."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.reading import fields
from workers.text import urls

if TYPE_CHECKING:
    from workers.model import report

NAMES = {"m": "field", "alias": "field"}


def sent(**members: object) -> report.Members:
    return {name: json.dumps(value).encode() for name, value in members.items()}


def reader(value: object) -> fields.FieldReader:
    return fields.FieldReader(sent(m=value), NAMES)


def test_names_know_every_spelling() -> None:
    found = fields.names(document="document-uri", line="line-number")
    assert {name: found[name] for name in found if "url" not in name.lower()} == {
        "document-uri": "document",
        "document_uri": "document",
        "documentUri": "document",
        "documentURI": "document",
        "line-number": "line",
        "line_number": "line",
        "lineNumber": "line",
        "linenumber": "line",
    }


@pytest.mark.parametrize("nothing", [None, ""])
def test_nothing_is_nothing_and_no_error(nothing: object) -> None:
    read = reader(nothing)
    assert read.text("field") == ""
    assert read.verbatim("field") == ""
    assert read.url("field") is urls.NONE
    assert read.integer("field") == 0
    assert read.flag("field") is None
    assert read.date("field") == ""
    assert read.disposition("field") == ""
    assert read.array("field") == []
    assert not read.holds_text("field")
    assert read.nulled == []


def test_the_first_spelling_that_holds_something_wins() -> None:
    assert fields.FieldReader(sent(m="", alias="a", other=1), NAMES).text("field") == "a"
    assert fields.FieldReader(sent(m="b", alias="a"), NAMES).text("field") == "b"


CASES = [
    ("text", "two\nlines ", "two lines"),
    ("text", 7, None),
    ("text", ["x"], None),
    ("verbatim", " x\n", " x\n"),
    ("verbatim", {}, None),
    ("url", "https://a.example/?q", urls.URL("https://a.example/", "a.example", "/")),
    ("url", "http://[::1", None),
    ("url", 1, None),
    ("integer", 12, 12),
    ("integer", 12.0, 12),
    ("integer", " 12 ", 12),
    ("integer", 2**31 - 1, 2**31 - 1),
    ("integer", 7.5, None),
    ("integer", -1, None),
    ("integer", 2**31, None),
    ("integer", 2**64, None),
    ("integer", float("inf"), None),
    ("integer", float("nan"), None),
    ("integer", True, None),
    ("integer", "abc", None),
    ("integer", "٣", None),
    ("integer", "9" * 20, None),
    ("integer", [], None),
    ("flag", True, True),
    ("flag", False, False),
    ("flag", " TRUE", True),
    ("flag", "false", False),
    ("flag", 1, None),
    ("flag", "yes", None),
    ("date", "2021-06-01T12:00:00Z", "2021-06-01T12:00:00.000Z"),
    ("date", "2021-06-01t14:00:00.1239+02:00", "2021-06-01T12:00:00.123Z"),
    ("date", "2016-12-31 23:59:60z", "2016-12-31T23:59:59.000Z"),
    ("date", "yesterday", None),
    ("date", "2021-13-45T99:99:99Z", None),
    ("date", "+29247-01-01T00:00:00Z", None),
    ("date", "2021-06-01T24:00:00Z", None),
    ("date", "0001-01-01T00:00:00+23:00", None),
    ("date", "٢٠٢١-06-01T12:00:00Z", None),
    ("date", 1622548800, None),
    ("disposition", "Enforce", "enforce"),
    ("disposition", "reporting", "report"),
    ("disposition", "report-only", "report"),
    ("disposition", "maybe", None),
    ("disposition", 9, None),
    ("array", [1, "x"], [1, "x"]),
    ("array", "x", None),
]
NULL: dict[str, Any] = {"integer": 0, "url": urls.NONE, "flag": None, "array": []}


@pytest.mark.parametrize(("kind", "value", "expected"), CASES)
def test_a_value_is_understood_or_nulled(kind: str, value: object, expected: object) -> None:
    read = reader(value)
    result = getattr(read, kind)("field")
    if expected is None:
        assert result == NULL.get(kind, "")
        assert read.nulled == ["field"]
    else:
        assert result == expected
        assert read.nulled == []


def test_an_integer_has_its_own_limit() -> None:
    read = reader(70_000)
    assert read.integer("field", fields.MAX_PORT) == 0
    assert read.nulled == ["field"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(JSON)
def test_no_value_raises(value: object) -> None:
    for kind in ("text", "verbatim", "url", "integer", "flag", "date", "disposition", "array"):
        getattr(reader(value), kind)("field")
