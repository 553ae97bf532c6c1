"""Requests with a known right answer, and what is wrong with what became of them.

``cases.jsonl`` holds what happened to others, ``labelled.jsonl`` what the tests and lists of other collectors
know, as a careful person labels it. A line has an ``id``, the ``request``, and what to ``expect``:

* ``status``, ``n_rows``; ``kind`` and ``directive`` of the rows, parted by ``" + "`` and ``" / "``;
* ``blocked``, ``blocked_host``, ``document_host``, ``hostname``, ``disposition``, ``line``, ``environment``,
  ``release``, ``title_contains`` and ``noise`` of every row;
* ``nowhere``: a text that is part of no column;
* ``same_finding_as`` and ``different_finding_from``: the id of another line.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlencode

import pytest

from ingest import refusals
from ingest.body import coding
from ingest.checks import credentials
from storage.text import charsets, lenient
from tests.helpers import paths, payloads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from _pytest.mark import ParameterSet

_MOST_BYTES: Final = 1 << 20
_NOT_JSON: Final = 400
_TAKEN: Final = 200

_Check = Callable[[Any, "list[payloads.Row]"], bool]


class Case(NamedTuple):
    """One request with what is known of it."""

    id: str
    request: dict[str, Any]
    expect: dict[str, Any]
    source: str = ""

    @property
    def body(self) -> bytes:
        """The body as it is sent."""
        request = self.request
        if "body_b64" in request:
            return base64.b64decode(request["body_b64"])
        if "body" in request:
            text: str = request["body"]
            return text.encode()
        return json.dumps(request["body_json"]).encode()

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the request, its content type included."""
        content_type = self.request["content_type"]
        return {**self.request.get("headers", {}), **({"Content-Type": content_type} if content_type else {})}


class Result(NamedTuple):
    """What became of a request: the status of the answer, and the rows."""

    status: int
    rows: list[payloads.Row]


def read(name: str) -> list[Case]:
    """Return the cases of a file in ``tests/data``."""
    lines = (paths.DATA / name).read_text("utf-8").splitlines()
    return [
        Case(line["id"], line["request"], line["expect"], line.get("source", ""))
        for line in map(json.loads, lines)
    ]


def parameters(read_cases: Iterable[Case]) -> list[ParameterSet]:
    """Return cases as parameter ``case`` of a test."""
    return [pytest.param(case, id=case.id) for case in read_cases]


def process(case: Case) -> Result:
    """Lead a request through what the product does with it between the edge's socket and the tables."""
    headers = {name.lower(): value for name, value in case.headers.items()}
    body = case.body
    try:
        coding.require_media_type(headers.get("content-type", "").encode())
        if encoding := headers.get("content-encoding", "").encode():
            body = coding.inflate(body, encoding, _MOST_BYTES)
        lenient.require_container(body, charsets.codec_of(headers.get("content-type", "")))
    except refusals.RefusedError as error:
        return Result(error.refusal.status, [])
    except lenient.NotJSONError:
        return Result(_NOT_JSON, [])
    query = urlencode(case.request.get("query", {})).encode()
    labels = credentials.read(query, headers.get("x-sentry-auth", "").encode())
    tables = payloads.process(
        payloads.payload(
            body,
            environment=labels.environment,
            release=labels.release,
            flags=labels.flags,
            user_agent=headers.get("user-agent", ""),
            content_type=headers.get("content-type", ""),
        )
    )
    payloads.assert_balanced(tables)
    return Result(_TAKEN, payloads.rows(tables.reports))


def wrongs(case: Case, results: Mapping[str, Result]) -> list[str]:
    """Return what is not as a case expects it, in words; ``results`` holds those of all cases by id."""
    status, rows = results[case.id]
    found = [
        f"{name}: {case.expect[name]!r} expected, found {_shown(name, rows)}"
        for name, holds in _CHECKS.items()
        if name in case.expect and not holds(case.expect[name], rows)
    ]
    if case.expect.get("status", status) != status:
        found.insert(0, f"status: {case.expect['status']} expected, found {status}")
    return found + [
        f"{name}: {case.expect[name]}"
        for name, is_same in (("same_finding_as", True), ("different_finding_from", False))
        if name in case.expect and (_findings(rows) == _findings(results[case.expect[name]].rows)) != is_same
    ]


_SHOWN: Final = {
    "n_rows": "kind",
    "title_contains": "title",
    "noise": "noise_rule",
    "nowhere": "release",
}
"""The column that tells most about a check of another name."""


def _findings(rows: Iterable[payloads.Row]) -> set[int]:
    return {row["fingerprint"] for row in rows}


def _all(column: str) -> _Check:
    return lambda expected, rows: all(row[column] == expected for row in rows)


def _several(column: str, separator: str) -> _Check:
    return lambda expected, rows: {row[column] for row in rows} == set(expected.split(separator))


def _shown(name: str, rows: list[payloads.Row]) -> str:
    column = _SHOWN.get(name, name)
    return ", ".join(repr(row[column]) for row in rows) or "no row"


_CHECKS: Final[dict[str, _Check]] = {
    "n_rows": lambda expected, rows: len(rows) == expected,
    "kind": _several("kind", " + "),
    "directive": _several("directive", " / "),
    "blocked": _all("blocked"),
    "blocked_host": _all("blocked_host"),
    "document_host": _all("document_host"),
    "hostname": _all("hostname"),
    "disposition": _all("disposition"),
    "line": _all("line"),
    "title_contains": lambda expected, rows: all(expected in row["title"] for row in rows),
    "noise": lambda expected, rows: all(bool(row["noise"]) == expected for row in rows),
    "environment": _all("environment"),
    "release": _all("release"),
    "nowhere": lambda expected, rows: all(expected not in str(row) for row in rows),
}
