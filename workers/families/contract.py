"""The contract of a report family: one module implements it, and one line registers the module."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from workers.model import report
from workers.reading import fields

Normalise: TypeAlias = Callable[[report.Item], report.Report | report.Rejection]
Title: TypeAlias = Callable[[report.Report], str]


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of report: how it is recognised, read and named.

    A family is recognised by the shape of the JSON, never by a media type. ``workers.reading.aliases`` has
    the former names of its types, and the members that tell it without a type.

    Attributes:
        kind: the name of the family in the column ``kind``.
        wrappers: members that hold the whole report, ``{"csp-report": {...}}``.
        types: Reporting API types, in lower case.
        names: the fields of a report by the names of its members.
        normalise: turns an item into a report, or into a rejection; never raises, whatever the item holds.
        title: says in one line for a person what a normalised report is about.
    """

    kind: str
    wrappers: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    names: fields.Names = {}
    normalise: Normalise
    title: Title
