"""Parameters of endpoints that were mangled on the way into a header: doubled, quoted, or run into the next.

A site's configuration may append the endpoint to itself (``…?sentry_key=K&sentry_release=1?sentry_key=K&…``),
escape it for HTML (``&amp;``), or go on behind it with the rest of a header. The report is kept, and no part
of another parameter ends in a label.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl

_MAX_FIELDS: Final = 64
_NAMES: Final = frozenset({"sentry_key", "sentry_environment", "sentry_release"})
_FIELD: Final = re.compile(r"(?<![A-Za-z0-9_])sentry_(?:key|environment|release) {0,8}(?:=|%(?:25){0,4}3D)")
_NAME: Final = r"sentry_(?:key|environment|release|version|client|secret|timestamp)"
_REST: Final = re.compile(
    rf"(?<![A-Za-z0-9_-]){_NAME}(?![\w-])|{_NAME} {{0,8}}(?:=|%(?:25){{0,4}}3D)"  # a label may hold the word
    r"|[?&](?:amp;)?(?:sentry|[a-z][\w.-]{0,40}=)"  # another parameter, or a part of one
    r"|https?(?::|%(?:25){0,4}3A)"  # another endpoint
    r"|\s/"
    r"|[;,]\s{0,8}(?:[a-z]{3,20}-[a-z-]|sandbox|[A-Z][A-Za-z-]{2,40}:)"  # a directive, or a header
    r"|\s(?:report-(?:uri|to)|default-src|script-src)\b",
    re.ASCII,
)
"""Where a value ends and something else begins."""
_JUNK: Final = (
    r"(?:\s|[\"'`<>;,?&=/|\\]|%(?:25){0,4}(?:2[0267CcFf]|3[BbCcEeFf])|&(?:amp|quot|apos|lt|gt|#\d{1,5});?)"
)
_BEFORE: Final = re.compile(rf"{_JUNK}++")
_AFTER: Final = re.compile(rf"{_JUNK}++\Z")
_AT_ONCE: Final = 64
"""Characters at the end of a value that are looked at together."""
_KEY: Final = re.compile(r"[0-9A-Za-z_-]+", re.ASCII)
_LEAST_KEY: Final = 8
"""Characters of a key that is looked for in labels."""


def parameters(query: str) -> dict[str, str]:
    """Return the parameters of a query by name, the first of each.

    One that stands within another counts only if the query has none of its own: an address that a page
    hands on may hold the key of another project.
    """
    own: dict[str, str] = {}
    within: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, errors="replace"):
        if "sentry_" in name or "sentry_" in value:
            for place, (field, text) in enumerate(_fields(f"{name}={value}")):
                found = own if place == 0 and name in _NAMES else within
                found.setdefault(field, text)
    return within | own


def _fields(text: str) -> list[tuple[str, str]]:
    """Return the parameters that one pair of name and value holds."""
    begins = list(_FIELD.finditer(text))[:_MAX_FIELDS]
    ends = [*(match.start() for match in begins), len(text)][1:]
    return [
        (re.split(r"[ =%]", begin[0])[0], text[begin.end() : end])
        for begin, end in zip(begins, ends, strict=True)
    ]


def key_of(value: str) -> str:
    """Return the key at the beginning of a value."""
    found = _KEY.match(_cut(value))
    return found[0] if found else ""


def label_of(value: str, key: str) -> str:
    """Return a label without what does not belong to it.

    Args:
        value: the value of its parameter.
        key: the key of the request, which is no part of a label.
    """
    label = _cut(value)
    if len(key) >= _LEAST_KEY and key in label:
        label = _cut(label.partition(key)[0])
    return label


def _cut(value: str) -> str:
    """Return a value up to where something else begins, without blanks and quotes around it."""
    begin = _BEFORE.match(value)
    text = value[begin.end() :] if begin else value
    rest = _REST.search(text)
    if rest:
        text = text[: rest.start()]
    return _trimmed(text)


def _trimmed(text: str) -> str:
    while end := _AFTER.search(text, max(len(text) - _AT_ONCE, 0)):
        text = text[: end.start()]
    return text
