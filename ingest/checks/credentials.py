"""The public key, environment and release that a request names in its query or in ``X-Sentry-Auth``.

A public key is no secret: it stands in the page. It tells the project of a report, and lets an operator turn
a leaked endpoint off.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ingest.checks import mangled
from storage.queue import envelope

MAX_ENVIRONMENT: Final = 64
"""Characters of an environment's name, as in Sentry."""
MAX_RELEASE: Final = 200
"""Characters of a release's name, as in Sentry."""

_SCHEME: Final = "sentry "
_FORBIDDEN: Final = re.compile(r"[/\x00-\x1f\x7f-\x9f]")
_RESERVED: Final = frozenset({".", ".."})


class Credentials(NamedTuple):
    """The labels of a request; none of them is checked against the registry.

    Attributes:
        key: the public key, empty when there is none.
        environment: valid, or empty.
        release: valid, or empty.
        flags: ``envelope.ENVIRONMENT_BLANKED`` and ``envelope.RELEASE_BLANKED``.
    """

    key: str
    environment: str
    release: str
    flags: int


def read(query: bytes, header: bytes) -> Credentials:
    """Read the query string and the value of ``X-Sentry-Auth`` (empty when absent).

    A key in the query wins over one in the header; of a repeated parameter the first counts. Values lose
    all that a mangled endpoint left around them (``ingest.checks.mangled``).
    """
    parameters = mangled.parameters(query.decode("utf-8", "replace"))
    key = mangled.key_of(parameters.get("sentry_key", "")) or header_key(header)
    environment, environment_flag = _environment(parameters.get("sentry_environment", ""), key)
    release, release_flag = _release(parameters.get("sentry_release", ""), key)
    return Credentials(key, environment, release, environment_flag | release_flag)


def header_key(header: bytes) -> str:
    """Return ``sentry_key`` of ``Sentry sentry_key=…, sentry_version=7``, or an empty string."""
    text = header.decode("latin-1").strip()
    if text[: len(_SCHEME)].lower() != _SCHEME:
        return ""
    for part in text[len(_SCHEME) :].split(","):
        name, _, value = part.partition("=")
        if name.strip() == "sentry_key":
            return mangled.key_of(value)
    return ""


def _environment(sent: str, key: str) -> tuple[str, int]:
    name = mangled.label_of(sent, key)
    if _valid(name, sent, MAX_ENVIRONMENT) and name.lower() != "none":
        return name, 0
    return "", envelope.ENVIRONMENT_BLANKED


def _release(sent: str, key: str) -> tuple[str, int]:
    name = mangled.label_of(sent, key)
    if _valid(name, sent, MAX_RELEASE) and name.lower() != "latest":
        return name, 0
    return "", envelope.RELEASE_BLANKED


def _valid(name: str, sent: str, longest: int) -> bool:
    if not name:
        return not sent.strip()
    return len(name) <= longest and name not in _RESERVED and not _FORBIDDEN.search(name)
