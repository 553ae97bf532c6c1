"""Every other well-formed report: kept with its type and its whole text, so that nothing new is lost."""

from __future__ import annotations

from typing import Final

from workers import certificates, fields, outcomes, report
from workers.families import contract, envelope

KIND: Final = "unknown"
_STAPLE: Final = "expect-staple"


def normalise(item: report.Item) -> report.Report | report.Rejection:
    """Return what all reports have in common; the type becomes the directive."""
    read = fields.Reader({}, {})
    sent = envelope.read(item, read)
    hostname, port = "", 0
    if not item.type:
        read.extend(item.body, certificates.NAMES)
        hostname, port = certificates.hostname(read), read.integer("port", fields.MAX_PORT)
        if not hostname:
            return report.invalid(outcomes.Reason.NO_HOSTNAME, KIND)
    return report.Report(
        kind=KIND,
        directive=item.type or _STAPLE,
        document=sent.url,
        hostname=hostname,
        port=port,
        user_agent=sent.user_agent,
        age=sent.age,
        details={"nulled": ",".join(read.nulled)} if read.nulled else {},
    )


def title(found: report.Report) -> str:
    """Return the type: nothing else is known."""
    return f"Unknown report: {found.directive}"


FAMILY: Final = contract.Family(
    kind=KIND,
    wrappers=(f"{_STAPLE}-report",),
    marks=(frozenset({"hostname", "response-status"}),),
    normalise=normalise,
    title=title,
)
