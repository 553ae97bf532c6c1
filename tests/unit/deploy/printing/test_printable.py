"""Showing what strangers sent."""

from __future__ import annotations

import pytest

from deploy.printing import printable


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b'{"a": 1}\n', '{"a": 1}\n'),
        ("Grüße 🎉".encode(), "Grüße 🎉"),
        (b"\x1b[31mred\x07\r\n\tx\x00", "\\x1b[31mred\\x07\\r\n\\tx\\x00"),
        ("a\u202eb\u2028c\x9b".encode(), "a\\u202eb\\u2028c\\x9b"),
        (b"\xff\x00\x10", "ff 00 10"),
        (b"\xff" * 33, " ".join(["ff"] * 32) + "\nff"),
        (b"", ""),
    ],
)
def test_nothing_in_it_controls_the_terminal(raw: bytes, shown: str) -> None:
    assert printable.content(raw) == shown


def test_a_line_stays_one_line() -> None:
    assert printable.line("a\nb\ud800") == "a\\nb\\ud800"
