"""Expect-CT: a certificate without proof of Certificate Transparency (RFC 9163 §3.1; Chrome 61 to 106)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from workers.families import certificates, contract, envelope
from workers.model import outcomes, report
from workers.reading import aliases
from workers.text import cleaning

if TYPE_CHECKING:
    from workers.reading.fields import FieldReader

KIND: Final = "expect-ct"
_MAX_SCTS: Final = 64
_MAX_WORD: Final = 32


def normalise(item: report.Item) -> report.Report | report.Rejection:
    """Return the report. A test report needs no other content: it is counted."""
    read, sent = envelope.read(item, aliases.EXPECT_CT)
    found = certificates.report_of(
        KIND, read, sent.user_agent, disposition=read.disposition("disposition"), details=_details
    )
    if isinstance(found, report.Rejection) and read.flag("test_report"):
        test = outcomes.Reason.TEST_REPORT
        return report.Rejection(outcomes.Outcome.FILTERED, test, KIND, test.meaning)
    return found


def title(found: report.Report) -> str:
    """Return the title: which host's certificate lacked Certificate Transparency."""
    return f"Certificate of {found.hostname} without Certificate Transparency"


def _details(read: FieldReader) -> dict[str, str]:
    statuses = [_sct(sct) for sct in read.array("scts")[:_MAX_SCTS] if isinstance(sct, dict)]
    found = {"scts": _summed(statuses)}
    if statuses and all(status.endswith(" unknown") for status in statuses):
        found["unknown_logs"] = "true"
    if read.flag("test_report"):
        found["test_report"] = "true"
    return found


def _summed(statuses: list[str]) -> str:
    """Sum the timestamps up by source and status: ``embedded unknown: 2, ocsp invalid: 1``."""
    return ", ".join(f"{words}: {times}" for words, times in sorted(Counter(statuses).items()))


def _sct(sct: dict[str, Any]) -> str:
    words = (sct.get("source"), sct.get("status"))
    return " ".join(cleaning.clean(word, _MAX_WORD) if isinstance(word, str) else "?" for word in words)


FAMILY: Final = contract.Family(
    kind=KIND,
    wrappers=("expect-ct-report",),
    types=("expect-ct",),
    names=aliases.EXPECT_CT,
    normalise=normalise,
    title=title,
)
