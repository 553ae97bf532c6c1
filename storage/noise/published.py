"""The rules file in force as Redis tells it to workers: which one it is, and the texts that batches name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import redis

from storage.servers import redis_errors, scripts

if TYPE_CHECKING:
    import redis.exceptions

KEY: Final = "headrace:noise"
"""Redis string: the rules file in force as MessagePack (``Decision``)."""
VERSION_KEY: Final = "headrace:noise:version"
"""Redis string: the version of that value, see ``Decision.published``."""
TEXT_KEY: Final = "headrace:noise:text:{sha256}"
"""Redis string: the text of a rules file; it expires, because ClickHouse has it too."""
TEXT_S: Final = 7 * 86_400
"""Seconds after which Redis forgets a text that nobody wrote again."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The latest decision which rules file is to be in force.

    Attributes:
        sha256: the hash of its text; "" for the file that is shipped.
        version: the version of the file; "" for the one that is shipped.
        revision: how many decisions there were.
        since_ms: when it was decided, in milliseconds since the epoch.
    """

    sha256: str = ""
    version: str = ""
    revision: int = 0
    since_ms: int = 0

    @property
    def published(self) -> int:
        """A number that grows with every decision, also after a backup was restored."""
        return self.since_ms + self.revision


_decoder = msgspec.msgpack.Decoder(Decision)


def publish(client: redis.Redis, decided: Decision, *, replace: int | None = None) -> int | None:
    """Tell workers of a decision, unless a later one is published. Its text must be in Redis already.

    Args:
        client: the Redis that holds the queue.
        decided: the decision.
        replace: the later decision that an earlier call found; if it is still there, it gives way.

    Returns:
        The number of the later decision that stays in Redis; None where this one is published.

    Raises:
        RedisUnavailableError: Redis did not take it.
    """
    with redis_errors.translated("did not take the rules in force"):
        arguments = (msgspec.msgpack.encode(decided), str(decided.published), str(replace or ""))
        later = scripts.PUBLISH_SNAPSHOT.run(client, (KEY, VERSION_KEY), *arguments)
    return None if later is None else int(later)


def read(client: redis.Redis) -> Decision | None:
    """Return the decision that workers go by, or None where none is published.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    with redis_errors.translated("did not give the rules in force"):
        value: Any = client.get(KEY)
    return None if value is None else _decoder.decode(value)


def keep_text(client: redis.Redis, sha256: str, text: bytes) -> None:
    """Write the text of a rules file, for workers that do not have it.

    Raises:
        RedisUnavailableError: Redis did not take it.
    """
    with redis_errors.translated("did not take a rules file"):
        client.set(TEXT_KEY.format(sha256=sha256), text, ex=TEXT_S)


def has_text(client: redis.Redis, sha256: str) -> bool:
    """Return whether Redis will hold a text for the better part of ``TEXT_S``.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    with redis_errors.translated("did not give a rules file"):
        left: Any = client.ttl(TEXT_KEY.format(sha256=sha256))
    return int(left) > TEXT_S // 2


def read_text(client: redis.Redis, sha256: str) -> bytes | None:
    """Return the text of a rules file, or None where Redis does not hold it.

    Raises:
        RedisUnavailableError: Redis did not answer.
    """
    with redis_errors.translated("did not give a rules file"):
        value: Any = client.get(TEXT_KEY.format(sha256=sha256))
    return None if value is None else bytes(value)
