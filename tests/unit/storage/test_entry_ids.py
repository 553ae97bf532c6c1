"""Entry ids: read, compared, and written as Redis writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.queue import entry_ids

NUMBERS = st.integers(0, 2**64 - 1)


@given(NUMBERS, NUMBERS)
def test_an_id_is_read_as_it_is_written(ms: int, seq: int) -> None:
    written = f"{ms}-{seq}"
    for text in (written, written.encode()):
        assert entry_ids.parse(text) == (ms, seq)
    assert str(entry_ids.parse(written)) == written
    assert str(entry_ids.parse(written).following) == f"{ms}-{seq + 1}"


def test_ids_compare_by_number_and_not_by_text() -> None:
    written = ["9-10", "9-9", "10-0", "9-0"]
    assert sorted(written, key=entry_ids.parse) == ["9-0", "9-9", "9-10", "10-0"]


@pytest.mark.parametrize("text", ["", "5", "5-", "-5", "a-b", "5-6-7"])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        entry_ids.parse(text)
