"""Letters: the same in each Python, also those that some know and others do not."""

from __future__ import annotations

import re
import sys
import unicodedata

import pytest

from workers.scrub import names
from workers.text import letters

EVERY = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]


def test_what_python_calls_alphanumeric_is_in_words() -> None:
    ours = re.compile(f"[{letters.ALPHANUMERIC}]")
    assert [char for char in EVERY if char.isalnum() and not ours.match(char)] == []


def test_what_python_takes_for_a_form_of_an_ascii_letter_is_spelled_as_it() -> None:
    for char in EVERY:
        plain = unicodedata.normalize("NFKC", char)
        if len(plain) == 1 and plain.isascii() and plain.isalnum():
            assert letters.compatible(char) == plain, hex(ord(char))


@pytest.mark.parametrize(
    ("text", "lower"), [("", ""), ("ABC-x", "abc-x"), ("ÀB", "Àb"), ("\ua7dcA", "\ua7dca"), ("İ", "İ")]
)
def test_only_ascii_is_put_into_lower_case(text: str, lower: str) -> None:
    assert letters.lower(text) == lower


def shifted(first: int, text: str) -> str:
    return "".join(chr(first + ord(char) - ord("A")) for char in text)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(shifted(0xFF21, "TOKEN"), id="fullwidth, of Unicode 1"),
        pytest.param(shifted(0x1D400, "TOKEN"), id="bold, of Unicode 3"),
        pytest.param(shifted(0x1F130, "TOKEN"), id="squared, of Unicode 6"),
        pytest.param(shifted(0x1CCD6, "TOKEN"), id="outlined, of Unicode 16"),
        pytest.param("tökén", id="with accents"),
        pytest.param("to\ua7dcken", id="with a letter of Unicode 16"),
        pytest.param("to\U000323afken", id="with an ideograph of Unicode 15"),
        pytest.param("to\u200bken", id="with what nobody sees"),
    ],
)
def test_a_private_name_is_one_in_any_letters(name: str) -> None:
    assert names.what_is(name) is names.What.PRIVATE
