"""The contract of a report family: one module implements it, and one line registers the module."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from workers.model import report

Normalise: TypeAlias = Callable[[report.Item], report.Report | report.Rejection]
Title: TypeAlias = Callable[[report.Report], str]


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of report: how it is recognised, read and named.

    A family is recognised by the shape of the JSON, never by a media type. The shapes are tried in the order
    of the attributes.

    Attributes:
        kind: the name of the family in the column ``kind``.
        wrappers: members that hold the whole report, ``{"csp-report": {...}}``.
        marks: sets of members of which all must be present in a report without a wrapper.
        types: Reporting API types, in lower case.
        bare: members of which one is enough to mark a report that lost its wrapper; tried last.
        normalise: turns an item into a report, or into a rejection; never raises, whatever the item holds.
        title: says in one line for a person what a normalised report is about.
    """

    kind: str
    wrappers: tuple[str, ...] = ()
    marks: tuple[frozenset[str], ...] = ()
    types: tuple[str, ...] = ()
    bare: frozenset[str] = frozenset()
    normalise: Normalise
    title: Title
