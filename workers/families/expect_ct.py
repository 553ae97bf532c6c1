"""Expect-CT: a certificate without proof of Certificate Transparency (RFC 9163 §3.1; Chrome 61 to 106)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from workers import certificates, fields, outcomes, report, text
from workers.families import contract, envelope

if TYPE_CHECKING:
    from workers.fields import Reader

KIND: Final = "expect-ct"
_MAX_SCTS: Final = 64
_MAX_WORD: Final = 32
_NAMES: Final = certificates.NAMES | fields.names(
    scts="scts",
    disposition="failure-mode",
    test_report="test-report",
)


def normalise(item: report.Item) -> report.Report | report.Rejection:
    """Return the report; a test report is filtered, as the RFC permits."""
    read = fields.Reader(item.body, _NAMES)
    sent = envelope.read(item, read)
    if read.flag("test_report"):
        test = outcomes.Reason.TEST_REPORT
        return report.Rejection(outcomes.Outcome.FILTERED, test, KIND, test.meaning)
    hostname = certificates.hostname(read)
    if not hostname:
        return report.invalid(outcomes.Reason.NO_HOSTNAME, KIND)
    return report.Report(
        kind=KIND,
        disposition=read.disposition("disposition"),
        hostname=hostname,
        port=read.integer("port", fields.MAX_PORT),
        user_agent=sent.user_agent,
        moments=certificates.moments(read),
        details=_details(read),
    )


def title(found: report.Report) -> str:
    """Return what was wrong with which host."""
    return f"Certificate of {found.hostname} without Certificate Transparency"


def _details(read: Reader) -> dict[str, str]:
    details = {**certificates.chains(read), "scts": _scts(read), "nulled": ",".join(read.nulled)}
    return {name: value for name, value in details.items() if value}


def _scts(read: Reader) -> str:
    """Sum the timestamps up by source and status: ``embedded unknown: 2, ocsp invalid: 1``."""
    seen = Counter(_sct(sct) for sct in read.array("scts")[:_MAX_SCTS] if isinstance(sct, dict))
    return ", ".join(f"{words}: {times}" for words, times in sorted(seen.items()))


def _sct(sct: dict[str, Any]) -> str:
    words = (sct.get("source"), sct.get("status"))
    return " ".join(text.clean(word, _MAX_WORD) if isinstance(word, str) else "?" for word in words)


FAMILY: Final = contract.Family(
    kind=KIND,
    wrappers=("expect-ct-report",),
    marks=(frozenset({"hostname", "scts"}),),
    normalise=normalise,
    title=title,
)
