"""Recipes of long payloads: one text over and over, in one place of very many items or of a single one.

The search of ``tests.fuzz.cost`` changes recipes, for what makes a payload slow is seldom found by changing
its bytes: it takes one small text, the right place, and much of it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tests.helpers import payloads, strategies
from workers import families

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

FRAGMENTS: Final = (
    "a", "A1b", "0", "9f", "Ab1-", "é", "\ud83d", "\x00", "\t", "\n", " ", "\\", '"', "'", "/", "//",
    "://", "http://", "https://", "wss://a", ".", "..", "/.", "-", "_", "+", "~", ":", ";", ",", "=", "==",
    "&", "?", "?a=", "#", "@", "%", "%40", "%2540", "%25", "%20", "%3D", "*", "*.", "(", ")", "[", "]",
    "{", "}", "<", ">", "|", "eyJ", "eyJhbGciOi", "token=", "password:", "bearer ", "session_id%3d",
    "4111", "4111 1111 ", "41111111", "0123456789", "123e4567-e89b-12d3-a456-426614174000", "sha256-",
    "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----", "'self' ", "'nonce-", "'unsafe-inline' ",
    "*.a.example ", "data:", "blob:", "javascript:", "a-extension://", "img-src ", "default-src ",
    "; script-src-elem ", ", ", "localhost:8080/", "[::1]", "192.168.0.1", "a" * 63, "x" * 64, "0" * 16,
    "Aa0" * 7, "\ufeff", "\u202e", "xn--", "1e308", "İ", "ß", "on", '="',
)  # fmt: skip
"""Texts that the stages look for, and texts that stand around those."""

LENGTHS: Final = (24, 64, 255, 1000, 2040, 4000, 8000, 16_300, 200_000)
"""Characters of a text: about the limits of URLs, samples, texts and policies."""
NAME: Final = "<name>"
"""The place that is the name of a member."""
NESTED: Final = "<nested>"
"""The place that is deep within others."""

_MEMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "": tuple(strategies.LEGACY),
    **{
        name: tuple({**strategies.BODIES_BY_TYPE[name], "url": None, "user_agent": None})
        for name in families.BY_TYPE
    },
    "expect-ct-report": ("hostname", "date-time", "served-certificate-chain", "scts"),
    "expect-staple-report": ("hostname", "ocsp-response", "served-certificate-chain"),
    "no-such-type": ("message",),
}
PLACES: Final = tuple(
    (kind, member)
    for kind, members in _MEMBERS.items()
    for member in [*members, NAME, NESTED, "unknown", "certificateChain"]
)
"""Kind of a report (its Reporting API type, wrapper, or "" for ``csp-report``), and member of it."""


class Recipe(msgspec.Struct, frozen=True):
    """How a payload is made.

    Attributes:
        place: kind and member.
        unit: the text that is repeated.
        length: characters of one text, at most.
        head: what stands before the first unit.
        tail: what stands behind the last.
        bare: whether the member stands alone, without those that make a report whole.
    """

    place: tuple[str, str]
    unit: str
    length: int
    head: str = ""
    tail: str = ""
    bare: bool = False

    def body(self, size: int) -> bytes:
        """Return a payload of about this many bytes; no two of its texts are equal."""
        items: list[bytes] = []
        left = size
        while left > 0:
            item = json.dumps(self._item(len(items), left)).encode()
            items.append(item)
            left -= len(item) + 1
        return (
            b"[" + b",".join(items) + b"]"
            if self.place[0] in families.BY_TYPE or len(items) > 1
            else items[0]
        )

    def _item(self, number: int, most: int) -> Any:
        kind, member = self.place
        text = self._text(number, most)
        value: Any = text
        if member == NAME:
            member, value = text, "x"
        elif member == NESTED:
            member, value = "nested", {"a": [[{"b": [text]}, text[:50]]]}
        elif member.endswith(("chain", "Chain", "scts")):
            value = [text]
        if not kind:
            whole = {} if self.bare else {"original-policy": "img-src 'self'"}
            return payloads.legacy(**{**whole, member: value})
        if kind.endswith("-report"):
            return {kind: {**payloads.certificate(), member: value}}
        report = payloads.modern() if kind == "csp-violation" else {"body": {}, "url": "https://a.example/"}
        return _put({**report, "type": kind}, member, value)

    def _text(self, number: int, most: int) -> str:
        length = max(1, min(self.length, most))
        unit = self.unit or "x"
        times = length // len(json.dumps(unit)[1:-1] or "x") + 1
        return f"{self.head}{number}{unit * times}"[:length] + self.tail


def _put(report: dict[str, Any], member: str, value: Any) -> dict[str, Any]:
    if member in {"url", "user_agent", "age"}:
        return {**report, member: value}
    return {**report, "body": {**report["body"], member: value}}


def made_up(chance: random.Random) -> Recipe:
    """Return any recipe."""
    return Recipe(
        place=chance.choice(PLACES),
        unit=_text(chance),
        length=chance.choice(LENGTHS),
        head=chance.choice(["", "", _text(chance)]),
        tail=chance.choice(["", "", _text(chance)]),
        bare=chance.random() < 0.2,
    )


def changed(recipe: Recipe, chance: random.Random) -> Recipe:
    """Return a neighbour of a recipe."""
    match chance.randrange(7):
        case 0:
            return msgspec.structs.replace(recipe, place=chance.choice(PLACES))
        case 1:
            return msgspec.structs.replace(recipe, length=chance.choice(LENGTHS))
        case 2:
            return msgspec.structs.replace(recipe, head=_text(chance))
        case 3:
            return msgspec.structs.replace(recipe, tail=chance.choice(["", _text(chance)]))
        case _:
            return msgspec.structs.replace(recipe, unit=_spliced(recipe.unit, chance))


def _text(chance: random.Random) -> str:
    return "".join(chance.choice(FRAGMENTS) for _ in range(chance.randint(1, 4)))


def _spliced(text: str, chance: random.Random) -> str:
    """Return a text with a fragment more, less, or in the place of another part; some times doubled."""
    at, fragment = chance.randint(0, len(text)), chance.choice(FRAGMENTS)
    match chance.randrange(5):
        case 0:
            return (text[:at] + text[at + 1 + chance.randint(0, 3) :]) or fragment
        case 1:
            return (text * 2)[:400]
        case 2:
            return (text[:at] + fragment + text[at + len(fragment) :])[:400]
        case _:
            return (text[:at] + fragment + text[at:])[:400]
