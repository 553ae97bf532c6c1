"""Finds the rules that a report meets as it was sent: by its query, and by a source file that is no URL.

Neither is stored, so this is asked before a report is scrubbed, and the answer holds no part of the text.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final, NamedTuple

from workers.reading import values
from workers.text import letters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workers.model import report
    from workers.noise import rules, url_index
    from workers.text import urls

_REMEMBERED: Final = 4096
_LONGEST: Final = 4096
"""Bytes of the longest text that is looked at."""

Ids = tuple[str, ...]


class Signs(NamedTuple):
    """The traces of noise that a report has only until it is scrubbed.

    Attributes:
        met: ids of the rules whose conditions on what was sent it meets.
        elsewhere: whether page and blocked resource are of two extensions.
    """

    met: Ids = ()
    elsewhere: bool = False


NONE: Final = Signs()


class SentIndex:
    """Rules that ask for what is not stored.

    Args:
        listed: the rules; those that ask for nothing of the kind are never found.
        by_url: the index of their conditions on URLs.
    """

    def __init__(self, listed: Iterable[rules.Rule], by_url: url_index.URLIndex) -> None:
        asking = [rule for rule in listed if rule.queries or rule.source_starts]
        self._by_url = by_url
        queries = [rule for rule in asking if rule.queries]
        self._paths = tuple(
            path.partition("*")[0] for rule in queries if rule.is_loose for path in rule.paths
        )
        self._asks_hosts = any(rule.is_placed for rule in queries)
        self._starts = [(letters.lower(start), rule) for rule in asking for start in rule.source_starts]
        self._of_source = functools.lru_cache(_REMEMBERED)(self._of_text)

    def met(self, found: report.Report) -> Ids:
        """Return the ids of the rules all of whose conditions of this kind a report meets."""
        sent = found.sent
        by_source: Ids = ()
        by_query: Ids = ()
        if self._starts and not found.source_file.host and "source_file" in sent:
            by_source = self._met_by_source(sent["source_file"])
        url = found.blocked
        if url.path.startswith(self._paths) or (self._asks_hosts and self._by_url.of_host(url.host)):
            by_query = self._met_by_query(url, sent.get("blocked", b""))
        return by_source + by_query

    def _met_by_source(self, sent: bytes) -> Ids:
        return self._of_source(sent) if len(sent) <= _LONGEST else ()

    def _of_text(self, sent: bytes) -> Ids:
        text = letters.lower((values.verbatim_of(sent) or "").strip())
        return tuple(dict.fromkeys(rule.id for start, rule in self._starts if text.startswith(start)))

    def _met_by_query(self, url: urls.URL, sent: bytes) -> Ids:
        known = self._by_url.of_url(url) + self._by_url.anywhere(url.path)
        asking = [rule for rule in known if rule.queries]
        if not asking or b"?" not in sent or len(sent) > _LONGEST:
            return ()
        names = _names(values.verbatim_of(sent) or "")
        return tuple(rule.id for rule in asking if names.issuperset(rule.queries))


def is_of_another(found: report.Report) -> bool:
    """Return whether what was blocked on an extension's page is part of another extension, by their URLs."""
    page, blocked = (_host(found.sent.get(field, b"")) for field in ("document", "blocked"))
    return page != "" != blocked and page != blocked and found.document.text == found.blocked.text


def _host(sent: bytes) -> str:
    """Return the host of an extension's URL; "" if only its scheme was sent."""
    url = values.verbatim_of(sent) if 0 < len(sent) <= _LONGEST else None
    return letters.lower((url or "").partition("://")[2].partition("/")[0])


def _names(url: str) -> set[str]:
    """Return the names of the members of a URL's query."""
    query = url.partition("#")[0].partition("?")[2]
    return {member.partition("=")[0] for member in query.split("&")}
