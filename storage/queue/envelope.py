"""The value of a stream entry: the payloads of one group commit, as the edge accepted them.

A value is MessagePack: ``[version, [payload, ...]]``; all its payloads belong to the same shard. The id of
the entry is its place in the stream; with the position of the payload in the entry it makes the receipt. The
time of receipt stands beside the value; entries of earlier releases were received when their id says.
"""

from __future__ import annotations

import zlib
from typing import Final, NamedTuple

import msgspec

from storage import errors
from storage.queue import entry_ids, reach

VERSION: Final = 1

ENVIRONMENT_BLANKED: Final = 1
"""Flag: the request named an invalid environment, which the edge blanked."""
RELEASE_BLANKED: Final = 2
"""Flag: the request named an invalid release, which the edge blanked."""
OTHER_RELEASE: Final = "(other)"
"""The release of reports whose own (environment, release) pair is one too many."""
MAX_USER_AGENT: Final = 512
"""Characters of a user agent that are kept: real browsers send fewer than 300, and crawlers name themselves
before."""
MAX_CONTENT_TYPE: Final = 128
"""Characters of a ``Content-Type`` that are kept."""


class Payload(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One accepted request body and what the edge knew about its sender.

    Attributes:
        project_id: the project whose key authenticated the request.
        key: the public key that was used.
        environment: ``sentry_environment``, validated; empty when absent or blanked.
        release: ``sentry_release``, validated; empty when absent or blanked.
        user_agent: the request's ``User-Agent``, at most ``MAX_USER_AGENT`` characters; empty when absent.
        content_type: the request's ``Content-Type`` as sent, at most ``MAX_CONTENT_TYPE`` characters. A hint,
            never a rule.
        flags: bit set of ``ENVIRONMENT_BLANKED`` and ``RELEASE_BLANKED``.
        body: the inflated request body, 1 byte to 1 MiB.
        sender: a keyed hash of the sender's address and ``User-Agent``, if the sender may send the payload
            again; 0 if it may not, or is unknown. Entries of earlier releases have none.
        slot: the sender's slot in the reach sketches of the day (``storage.queue.reach``); 0 if the sender
            is unknown. Entries of earlier releases have none. A number that is no slot counts as 0.
    """

    project_id: int
    key: str
    environment: str
    release: str
    user_agent: str
    content_type: str
    flags: int
    body: bytes
    sender: int = 0
    slot: int = reach.UNKNOWN


class Entry(NamedTuple):
    """A decoded stream entry: its id (``<ms>-<seq>``) and its payloads in the order of arrival.

    ``dated_ms`` is its time of receipt, in milliseconds since the epoch; None if its id tells the time.
    """

    id: str
    payloads: list[Payload]
    dated_ms: int | None = None

    @property
    def received_ms(self) -> int:
        """Time of receipt, in milliseconds since the epoch."""
        return entry_ids.parse(self.id).ms if self.dated_ms is None else self.dated_ms


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[int, list[Payload]])


def encode(payloads: list[Payload]) -> bytes:
    """Return the value of a stream entry that holds these payloads."""
    return _encoder.encode((VERSION, payloads))


def decode(entry_id: str, value: bytes) -> Entry:
    """Return the entry that ``encode`` wrote.

    Raises:
        EnvelopeError: the value is truncated, corrupt, or of another version.
    """
    try:
        version, payloads = _decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise errors.EnvelopeError(f"Stream entry {entry_id} is corrupt: {error}.") from error
    if version != VERSION:
        raise errors.EnvelopeError(
            f"Stream entry {entry_id} has version {version}; this release knows {VERSION}."
        )
    return Entry(entry_id, payloads)


def shard_of(project_id: int, environment: str, release: str, shards: int) -> int:
    """Return the shard of a payload: a stable hash, so that one batch touches few partitions."""
    return zlib.crc32(f"{project_id}\0{environment}\0{release}".encode()) % shards


def receipt(stream: int, entry_id: str, index: int) -> str:
    """Return the receipt of a payload, ``<stream>-<ms>-<seq>-<index>``: where it was stored."""
    return f"{stream}-{entry_id}-{index}"
