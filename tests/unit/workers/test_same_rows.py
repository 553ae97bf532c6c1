"""The rows of a payload are the same, byte for byte, under every Python."""

from __future__ import annotations

from tests import same_rows


def test_each_payload_becomes_the_same_rows() -> None:
    """The digests are of one Python: whichever runs now has to make the same."""
    kept = dict(line.split("\t") for line in same_rows.KEPT.read_text("utf-8").splitlines())
    now = same_rows.digests()
    assert [name for name in {**kept, **now} if kept.get(name) != now.get(name)] == []
