"""Digests of the rows that payloads become: the same under every Python, kept in ``tests/data/rows.tsv``.

After a change that is meant to change rows, ``python -m tests.same_rows`` writes them anew.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from tests.fuzz import recipes
from tests.helpers import paths, payloads, recorded
from workers.noise import rules_file, shipped

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT: Final = paths.DATA / "rows.tsv"
_DATA: Final = KEPT.parent
_HUGE: Final = 2 << 20
_OF_REQUESTS: Final = frozenset({"transport", "preflight"})
"""Kinds of vectors whose expectation depends on more than the body."""

_UNICODE: Final = (
    *(range(0x3400), range(0xA000, 0xAC00), range(0xF900, 0x10000)),
    *(
        range(0x10000, 0x20000, 8),
        range(0x1C800, 0x1D400),
        range(0x1F100, 0x1F200),
        range(0xE0000, 0xE0200, 8),
    ),
)
"""Most that is no ideograph, and each place to which the last editions of Unicode added something."""
_RULES: Final = rules_file.RulesFile("any", "", shipped.rules_in_order())
"""The shipped rules under a version that stays: each row has it, and its identity hangs on it."""
_CHARACTERS: Final = 1024
"""Number of characters in one payload."""
_AROUND: Final = "{0}token{0}=a{0}1b2c3 {0}x@{0}a.bc{0} {0}https://a.example/{0}?{0}=1 {0}nonce-{0}a"
"""Texts that scrubbing looks for, with a character at each edge of them."""


def bodies() -> Iterator[tuple[str, bytes]]:
    """Yield payloads and their names: recorded ones, those of ``tests.fuzz``, and all of Unicode."""
    for vector in recorded.VECTORS:
        body = None if vector["kind"] in _OF_REQUESTS else recorded.body_of(vector)
        if body is not None and len(body) <= _HUGE:
            yield vector["id"], body
    for number, line in enumerate((_DATA / "true_reports.jsonl").read_text("utf-8").splitlines()):
        yield f"true-{number}", json.dumps(_report_in(json.loads(line))).encode()
    for number, text in enumerate(_texts()):
        yield f"scrub-{number}", _batch(text)
    for number, place in enumerate(recipes.PLACES):
        unit = recipes.FRAGMENTS[number * 7 % len(recipes.FRAGMENTS)]
        tail = recipes.FRAGMENTS[number * 11 % len(recipes.FRAGMENTS)]
        yield f"recipe-{number}", recipes.Recipe(place, unit, 300, tail=tail).body(2_000)
    for block in _UNICODE:
        for at in range(0, len(block), _CHARACTERS):
            yield f"unicode-{block[at]:x}-{block.step}", _characters(block[at : at + _CHARACTERS])


def digests() -> dict[str, str]:
    """Return the digest of the rows of each payload, by its name."""
    return {name: _digest(body) for name, body in bodies()}


def _digest(body: bytes) -> str:
    tables = payloads.process(payloads.payload(body), common=_RULES)
    columns = (tables.reports, tables.outcomes, tables.quarantine, tables.policies)
    text = json.dumps([payloads.rows(each) for each in columns], default=_plain, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: object) -> Any:
    return value.hex() if isinstance(value, bytes) else str(value)


def _report_in(line: dict[str, Any]) -> Any:
    return line["report"]


def _texts() -> list[str]:
    lines = (_DATA / "scrub.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["value"] for line in lines]


def _batch(text: str) -> bytes:
    """Return reports with a text in the places that are read in different ways."""
    return json.dumps(
        [
            payloads.modern(sample=text, originalPolicy=f"img-src {text}", sourceFile=text, user_agent=text),
            {"type": text or "x", "url": "https://a.example/", "body": {"message": text, text or "x": text}},
            {
                "type": "deprecation",
                "url": "https://a.example/",
                "body": {"id": text, "message": text, "anticipatedRemoval": text},
            },
        ]
    ).encode()


def _characters(codes: range) -> bytes:
    """Return reports with each of these characters in their texts and in the names of their members."""
    found = [chr(code) for code in codes if not 0xD800 <= code < 0xE000]
    items = [
        {
            "type": f"Kind{''.join(found[start : start + 16])}",
            "url": "https://a.example/",
            "body": {
                "members": {f"{one}To{one}ken{one}": "x" for one in found[start : start + 16]},
                "text": [_AROUND.format(one) for one in found[start : start + 16]],
            },
        }
        for start in range(0, len(found), 16)
    ]
    return json.dumps(items).encode()


if __name__ == "__main__":
    KEPT.write_text("".join(f"{name}\t{digest}\n" for name, digest in digests().items()), "utf-8")
