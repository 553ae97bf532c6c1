"""The envelope of a Reporting API report: its age, the page's URL and the user agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from workers.reading import aliases, fields, user_agents
from workers.text import urls

if TYPE_CHECKING:
    from workers.model import report

MAX_AGE: Final = 7 * 86_400_000
"""The highest age in milliseconds. Chrome keeps reports for 15 minutes, the specification allows days."""

_USUAL: Final = 5
"""Members of an envelope: ``age``, ``body``, ``type``, ``url`` and ``user_agent``."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """The sender's envelope: URL of the page, user agent, and age in milliseconds, bounded."""

    url: urls.URL
    user_agent: str
    age: int


_EMPTY: Final = Envelope(urls.NONE, "", 0)


def read(item: report.Item, known: fields.Names) -> tuple[fields.FieldReader, Envelope]:
    """Return a reader of a report, and its envelope; a bad member of it is noted by the reader.

    Some senders put members of the envelope into the body, and others members of the body beside it.

    Args:
        item: the report as it was sent.
        known: the fields of the body by the names of its members.
    """
    body, around = item.body, item.envelope
    reader = fields.FieldReader(body, known)
    alone = bool(item.wrapper) and len(around) == 1
    if not alone:
        if len(around) > _USUAL and item.wrapper:
            reader.extend({name: sent for name, sent in around.items() if name != "type"}, known)
        reader.extend(around, aliases.ENVELOPE)
    if "url" in body or "age" in body or "user_agent" in body:
        reader.extend(body, aliases.ENVELOPE)
    elif alone:
        return reader, _EMPTY
    return reader, Envelope(
        reader.url("url"),
        reader.text("user_agent", user_agents.MAX_USER_AGENT),
        min(reader.integer("age"), MAX_AGE),
    )
