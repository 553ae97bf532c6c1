"""Plain spelling of what is escaped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.text import spelling

URL = "https://a.example/?x=1"
CASES = [
    (r"https:\/\/a.example\/?x=1", URL),
    (r"https:\\/\\/a.example/?x=1", URL),
    (r"https:\u002F\u002fa.example\u002F\u003Fx\u003d1", URL),
    (r"https:\u{2f}\u{00002F}a.example/?x=1", URL),
    (r"https\U0000003a\x{2f}\x{00002F}a.example/?x=1", URL),
    (r"https\x3a\x2F\x2fa.example/\x3fx=1", URL),
    (r"https\3a \2f \00002Fa.example/?x=1", URL),
    (r"https\72\57\57a.example/\77x=1", URL),
    ("https%3A%2f%2Fa.example%2F%3Fx%3D1", URL),
    ("https%253A%25252F%2Fa.example/?x=1", URL),
    ("%68%74tps%u003A//a.example/?x=1", URL),
    ("https&#58;&#x2F;&sol;a.example&#0047;&quest;x&equals;1", URL),
    ("https&amp;#x3a;&amp;amp;sol;/a.example/?x=1", URL),
    ("https：／／a.example／？x＝1", URL),  # noqa: RUF001 - wide on purpose
    (r"https:%5Cu002f/a.example/?x=1", URL),
    (
        "100% %20 %22 %3c \\u0022 &quot; &lt; &nbsp; \\n \\\\",
        "100% %20 %22 %3c \\u0022 &quot; &lt; &nbsp; \\n \\\\",
    ),
    ("a" + r"\u005c" + "u005c" * 5 + "u002f", "a\\u005cu005cu002f"),
]


@pytest.mark.parametrize(("sent", "meant"), CASES)
def test_a_text_in_its_plain_spelling(sent: str, meant: str) -> None:
    assert spelling.plain(sent) == meant


@given(st.text(st.sampled_from("ab%25\\ux03F;&#{}／")))  # noqa: RUF001 - wide on purpose
def test_it_never_gets_longer(sent: str) -> None:
    meant = spelling.plain(sent)
    assert len(meant) <= len(sent)
    assert meant == sent or not spelling.is_plain(sent)


@pytest.mark.parametrize("piece", ["\\", "%25", "&amp;", "%", "\\u00", "&#", "\\u{0", "&#x0", "\\0", "／"])  # noqa: RUF001
def test_hostile_text_takes_linear_time(piece: str) -> None:
    """Quadratic time would make this test run for hours."""
    spelling.plain(piece * 300_000)
