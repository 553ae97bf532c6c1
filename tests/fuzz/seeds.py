"""The payloads that the fuzzer starts from: long ones that might be expensive, then the recorded ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from tests.helpers import payloads, recorded, strategies
from workers import families

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LENGTH: Final = 1 << 14
"""Bytes of the longest payload that is changed: with longer ones the search is slower and finds no more."""
LONG: Final = 1 << 16
"""Bytes of a payload that shows what takes more than linear time."""

_REPEATED: Final = (
    "http://", "a@", "1", "Ab1-", "eyJ.", "%25", "/", "?a=", "\\u0000", "\ud83d", "4111 1111 ", "'self' ",
    "https://*.a.example ", "-----BEGIN CERTIFICATE-----\n",
)  # fmt: skip
"""Texts that may cost more for each character the longer they go on."""


def bodies() -> Iterator[bytes]:
    """Return the bodies of tests/data."""
    for one in recorded.READABLE:
        yield one.body
    for request in recorded.REQUESTS:
        yield request["body"].encode()


def expensive() -> Iterator[bytes]:
    """Return long bodies: one text over and over, in the places where it could hurt, or very many items."""
    for text in _REPEATED:
        long = text * (LONG // (4 * len(json.dumps(text))))
        yield _json(payloads.legacy(blocked_uri=long, original_policy=long, script_sample=long))
        yield _json([payloads.modern(url=long, user_agent=long, sourceFile=long)])
        for name in families.BY_TYPE:
            members = dict.fromkeys(list(strategies.BODIES_BY_TYPE[name])[:1], long)
            yield _json([{"type": name, "body": {**members, "message": long, "stack": long}}])
        yield _json({"known-pins": [long], **payloads.certificate(hostname=long)})
    yield from (_json([{"type": "x", "body": {}}] * 2000), _json([1] * 20_000), _json([{}] * 20_000))
    yield _json({"csp-report": {f"member{number}": number for number in range(3000)}})


def dictionary() -> list[str]:
    """Return the words of the formats."""
    words = {name for members in strategies.BODIES_BY_TYPE.values() for name in members}
    words |= {*strategies.BODIES_BY_TYPE, *strategies.WRAPPED, *strategies.LEGACY}
    return sorted(words | {"type", "body", "age", "url", "user_agent"})


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
