"""Rows of ``finding_days`` and ``policy_days``: what the rows of ``reports`` say of findings and of policies.

Both tables are a function of the stored reports, the one by which migrations fill them. ClickHouse merges the
rows of all batches into what one query over all reports would give. The work on each row of a batch is done a
column at a time, in loops that do hardly anything else.
"""

from __future__ import annotations

import datetime as dt
import itertools
from typing import TYPE_CHECKING, Any, Final, TypeVar

import xxhash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workers.model import columns

DAY_MS: Final = 86_400_000
DOCUMENTS: Final = 8
"""Groups of documents, of each of which a row names one."""

_EPOCH: Final = dt.date(1970, 1, 1)
_DAYS: Final = 65_536
"""Days that ClickHouse tells apart in a ``Date``: after the last one, in the year 2149, they begin anew."""
_KEY: Final = ("fingerprint", "environment", "release", "disposition", "noise", "noise_rule", "impossible")
_POLICY_KEY: Final = ("environment", "release", "document_host", "disposition", "policy")
_TEXTS: Final = ("kind", "title", "directive", "blocked", "blocked_host")

_Value = TypeVar("_Value", int, str)
_Number = TypeVar("_Number", int, float)


def finding_days(reports: columns.Columns) -> columns.Columns:
    """Return the rows of ``finding_days`` that rows of ``reports`` become.

    Args:
        reports: columns of ``reports``; times are in milliseconds since the epoch.
    """
    places, found = _grouped(reports, _KEY)
    rows = len(found["day"])
    found |= {name: _least(places, reports[name]) for name in _TEXTS}
    return found | {
        "first_seen": _least(places, reports["first_seen"]),
        "last_seen": _greatest(places, reports["last_seen"]),
        "seen": _sums(places, reports["seen"], [0] * rows),
        "weight": _sums(places, reports["weight"], [0.0] * rows),
        "reach": _unions(places, reports["reach"], rows),
        "browsers": _browsers(places, reports, rows),
        "documents": _documents(places, reports["document"], rows),
    }


def policy_days(reports: columns.Columns) -> columns.Columns:
    """Return the rows of ``policy_days`` that rows of ``reports`` become; see ``finding_days``."""
    names = ("project_id", "window_start", *_POLICY_KEY, "first_seen", "last_seen")
    chosen = {name: list(itertools.compress(reports[name], reports["policy"])) for name in names}
    places, found = _grouped(chosen, _POLICY_KEY)
    return found | {
        "first_seen": _least(places, chosen["first_seen"]),
        "last_seen": _greatest(places, chosen["last_seen"]),
    }


def months(days: columns.Columns) -> dict[int, set[int]]:
    """Return the months of rows of ``finding_days`` by project, as ``toYYYYMM()`` tells them."""
    found: dict[int, set[int]] = {}
    for project_id, day in set(zip(days["project_id"], days["day"], strict=True)):
        found.setdefault(project_id, set()).add(day.year * 100 + day.month)
    return found


def _grouped(reports: columns.Columns, key: Iterable[str]) -> tuple[list[int], columns.Columns]:
    """Group rows by project, day and the columns ``key``.

    Returns:
        The place of each row's group among the groups, which are in the order of their first rows, and the
        columns of the key, by group.
    """
    names = ("project_id", "day", *key)
    days = [start // DAY_MS for start in reports["window_start"]]
    known: dict[tuple[Any, ...], int] = {}
    keys = zip(reports["project_id"], days, *(reports[name] for name in key), strict=True)
    places = [known.setdefault(each, len(known)) for each in keys]
    found = {name: [each[number] for each in known] for number, name in enumerate(names)}
    dates = {day: _EPOCH + dt.timedelta(days=day % _DAYS) for day in set(found["day"])}
    return places, found | {"day": [dates[day] for day in found["day"]]}


def _least(places: list[int], values: list[_Value]) -> list[_Value]:
    found = list(dict(zip(places, values, strict=True)).values())  # one of each group, in their order
    for place, value in zip(places, values, strict=True):
        if value < found[place]:  # noqa: PLR1730 - a call takes longer
            found[place] = value
    return found


def _greatest(places: list[int], values: list[int]) -> list[int]:
    found = list(dict(zip(places, values, strict=True)).values())
    for place, value in zip(places, values, strict=True):
        if value > found[place]:  # noqa: PLR1730 - a call takes longer
            found[place] = value
    return found


def _sums(places: list[int], values: list[_Number], found: list[_Number]) -> list[_Number]:
    for place, value in zip(places, values, strict=True):
        found[place] += value
    return found


def _unions(places: list[int], sketches: list[int], rows: int) -> list[int]:
    found = [0] * rows
    for place, sketch in zip(places, sketches, strict=True):
        found[place] |= sketch
    return found


def _browsers(places: list[int], reports: columns.Columns, rows: int) -> list[dict[str, int]]:
    counted: dict[tuple[int, str], int] = {}
    pairs = zip(places, reports["browser"], strict=True)
    for pair, seen in zip(pairs, reports["seen"], strict=True):
        counted[pair] = counted.get(pair, 0) + seen
    found: list[dict[str, int]] = [{} for _ in range(rows)]
    for place, browser in sorted(counted):
        found[place][browser] = counted[place, browser]
    return found


def _documents(places: list[int], documents: list[str], rows: int) -> list[dict[int, str]]:
    hashed = xxhash.xxh64_intdigest
    groups = {document: hashed(document.encode()) % DOCUMENTS for document in set(documents)}
    least: dict[int, str] = {}
    for place, document in zip(places, documents, strict=True):
        key = place * DOCUMENTS + groups[document]
        known = least.get(key)
        if known is None or document < known:
            least[key] = document
    found: list[dict[int, str]] = [{} for _ in range(rows)]
    for key in sorted(least):
        found[key // DOCUMENTS][key % DOCUMENTS] = least[key]
    return found
