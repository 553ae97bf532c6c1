"""Recorded payloads of ``tests/data``: the shapes that browsers send, and what real browsers sent."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

from tests.helpers import paths

if TYPE_CHECKING:
    from collections.abc import Callable

    from _pytest.mark import ParameterSet

_EDGE_KINDS: Final = frozenset({"transport", "preflight"})
"""Kinds whose expectation depends on the request, not on the body."""
_HUGE: Final = 2 << 20
"""Characters from which on a generated body is left to the edge, which refuses it."""

VECTORS: Final[list[dict[str, Any]]] = [
    json.loads(line) for line in (paths.DATA / "payloads.jsonl").read_text("utf-8").splitlines()
]
"""Payload shapes with their expectations."""
REQUESTS: Final[list[dict[str, Any]]] = [
    json.loads(line) for line in (paths.DATA / "browsers.jsonl").read_text("utf-8").splitlines()
]
"""Requests of real browsers, recorded by ``python -m tests.browser.record``."""


class Recorded(NamedTuple):
    """A payload shape and its body."""

    vector: dict[str, Any]
    body: bytes


def body_of(vector: dict[str, Any]) -> bytes | None:
    """Return the body of a vector, None if it has none to be processed."""
    if "body_b64" in vector:
        body = base64.b64decode(vector["body_b64"])
        return gzip.decompress(body) if vector.get("headers", {}) == {"Content-Encoding": "gzip"} else body
    if "body_gen" in vector:
        return _generated(vector["body_gen"])
    return vector["body"].encode() if vector.get("body") else None


def _generated(recipe: Any) -> bytes | None:
    if isinstance(recipe, list):
        return "".join(text * times for text, times in recipe).encode()
    if recipe["op"] != "object_keys":
        return None  # a compressed body: the edge inflates it
    members = {f"{recipe['prefix']}{number:06d}": 1 for number in range(recipe["count"])}
    return json.dumps({recipe["wrap"]: members} if recipe["wrap"] else members).encode()


def _is_huge(vector: dict[str, Any]) -> bool:
    recipe = vector.get("body_gen")
    return isinstance(recipe, list) and sum(len(text) * times for text, times in recipe) > _HUGE


READABLE: Final = [
    Recorded(vector, body)
    for vector in VECTORS
    if vector["kind"] not in _EDGE_KINDS and not _is_huge(vector)
    if (body := body_of(vector)) is not None
]
"""Shapes whose body a worker processes."""


def cases(wanted: Callable[[dict[str, Any]], object] = bool) -> list[ParameterSet]:
    """Return the readable shapes that are wanted, as parameters ``vector`` and ``body`` of a test."""
    return [pytest.param(*one, id=one.vector["id"]) for one in READABLE if wanted(one.vector)]
