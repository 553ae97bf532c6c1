"""Entries survive the round trip, and other values are refused."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage import errors
from storage.queue import envelope

payloads = st.lists(
    st.builds(
        envelope.Payload,
        project_id=st.integers(0, 2**63),
        key=st.text(),
        environment=st.text(),
        release=st.text(),
        user_agent=st.text(),
        content_type=st.text(),
        flags=st.integers(0, 3),
        body=st.binary(),
        sender=st.integers(0, 2**64 - 1),
        slot=st.integers(0, 1904),
    ),
    max_size=5,
)


@given(payloads)
def test_round_trip(items: list[envelope.Payload]) -> None:
    entry = envelope.decode("1790000000123-4", envelope.encode(items))
    assert entry.payloads == items
    assert entry.received_ms == 1790000000123


@given(payloads, st.data())
def test_a_truncated_entry_is_refused(items: list[envelope.Payload], data: st.DataObject) -> None:
    value = envelope.encode(items)
    cut = data.draw(st.integers(0, len(value) - 1))
    with pytest.raises(errors.EnvelopeError, match="1-0 is corrupt"):
        envelope.decode("1-0", value[:cut])


def test_another_version_is_refused() -> None:
    with pytest.raises(errors.EnvelopeError, match="has version 2; this release knows 1"):
        envelope.decode("1-0", msgspec.msgpack.encode((2, [])))


@given(st.integers(0, 2**63), st.text(), st.text(), st.integers(1, 64))
def test_the_shard_is_stable_and_in_range(project: int, environment: str, release: str, shards: int) -> None:
    shard = envelope.shard_of(project, environment, release, shards)
    assert 0 <= shard < shards
    assert shard == envelope.shard_of(project, environment, release, shards)


def test_a_receipt_says_where_the_payload_lies() -> None:
    assert envelope.receipt(3, "1790000000123-4", 17) == "3-1790000000123-4-17"


class Oldest(msgspec.Struct, array_like=True):
    """A payload of a release that knew no senders."""

    project_id: int
    key: str
    environment: str
    release: str
    user_agent: str
    content_type: str
    flags: int
    body: bytes


class Older(Oldest, array_like=True):
    """A payload of a release that knew senders, and no slots."""

    sender: int = 0


@pytest.mark.parametrize(("release", "lost"), [(Oldest, {"sender": 0, "slot": 0}), (Older, {"slot": 0})])
@given(items=payloads)
def test_older_releases_read_newer_entries_and_the_other_way_round(
    release: type[Oldest], lost: dict[str, int], items: list[envelope.Payload]
) -> None:
    _, older = msgspec.msgpack.decode(envelope.encode(items), type=tuple[int, list[release]])  # type: ignore[valid-type] # a parameter
    value = msgspec.msgpack.encode((envelope.VERSION, older))
    expected = [msgspec.structs.replace(item, **lost) for item in items]
    assert envelope.decode("1-0", value).payloads == expected
