"""Signs of terminals: Unicode, unless the locale says that it knows none."""

from __future__ import annotations

import pytest

from deploy.printing import glyphs


@pytest.mark.parametrize(
    ("environment", "encoding", "chosen"),
    [
        ({}, "utf-8", glyphs.UNICODE),
        ({}, "ascii", glyphs.ASCII),
        ({"LANG": "C"}, "utf-8", glyphs.ASCII),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, "utf-8", glyphs.ASCII),
        ({"LANG": "C.UTF-8"}, "utf-8", glyphs.UNICODE),
        ({"LC_CTYPE": "C.UTF-8"}, "utf-8", glyphs.UNICODE),
        ({"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"}, "utf-8", glyphs.ASCII),
        ({"LC_ALL": "de_DE.UTF-8", "LANG": "C"}, "utf-8", glyphs.UNICODE),
        ({"LANG": "de_DE.utf8@euro"}, "utf-8", glyphs.UNICODE),
        ({"LANG": "de_DE.ISO-8859-1"}, "utf-8", glyphs.ASCII),
        ({"LANG": "en_US"}, "utf-8", glyphs.UNICODE),
        ({"LANG": "en_US"}, "iso8859-1", glyphs.ASCII),
    ],
)
def test_a_locale_is_taken_at_its_word(
    environment: dict[str, str], encoding: str, chosen: glyphs.Glyphs
) -> None:
    assert glyphs.choose(environment, encoding) == chosen


def test_the_signs_for_ascii_are_ascii() -> None:
    plain = glyphs.ASCII
    assert "".join((plain.ellipsis, plain.unknown, plain.zero, plain.levels, str(plain.box))).isascii()


@pytest.mark.parametrize("signs", [glyphs.UNICODE, glyphs.ASCII])
def test_no_sign_means_two_things(signs: glyphs.Glyphs) -> None:
    bars = signs.unknown + signs.zero + signs.levels
    assert len(set(bars)) == len(bars) == 9
