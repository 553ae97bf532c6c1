"""Hidden characters are a list of our own, which every Python agrees with for the characters it knows."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from storage.text import characters


def test_hidden_is_what_python_calls_not_printable() -> None:
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        if unicodedata.category(char) != "Cn":  # what no edition has put there yet is no secret sign
            assert characters.holds_hidden(char) is not char.isprintable(), hex(code)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("", ""),
        ("plain text", "plain text"),
        ("a\tb\x7f", "ab"),
        ("a\u202eb\xa0c", "abc"),
        ("é例😀", "é例😀"),
    ],
)
def test_hidden_characters_are_left_out(text: str, seen: str) -> None:
    assert characters.seen(text) == seen
    assert characters.holds_hidden(text) is (text != seen)


@pytest.mark.parametrize("code", [0xA7DC, 0x1CCD6, 0x323AF, 0x33479])
def test_what_newer_editions_added_is_seen_by_all(code: int) -> None:
    assert characters.seen(f"a{chr(code)}") == f"a{chr(code)}"
