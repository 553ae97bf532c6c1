"""The envelope of a Reporting API report: its age, the page's URL and the user agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from workers.reading import fields, user_agents
from workers.text import urls

if TYPE_CHECKING:
    from workers.model import report
    from workers.reading.fields import FieldReader

MAX_AGE: Final = 7 * 86_400_000
"""The highest age in milliseconds. Chrome keeps reports for 15 minutes, the specification allows days."""

_NAMES: Final = fields.names(age="age", url="url", user_agent="user-agent")


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """The sender's envelope: URL of the page, user agent, and age in milliseconds, bounded."""

    url: urls.URL
    user_agent: str
    age: int


_EMPTY: Final = Envelope(urls.NONE, "", 0)


def read(item: report.Item, reader: FieldReader) -> Envelope:
    """Read the envelope through the report's reader, so that a bad member of it is noted there."""
    if item.wrapper and len(item.envelope) == 1:
        return _EMPTY  # nothing stands beside the body
    reader.extend(item.envelope, _NAMES)
    return Envelope(
        reader.url("url"),
        reader.text("user_agent", user_agents.MAX_USER_AGENT),
        min(reader.integer("age"), MAX_AGE),
    )
