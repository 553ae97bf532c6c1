"""Reductions: what is kept of a report whose variant is one too many.

A variant is a report as a row would store it, less its time. A sender that makes up pages, scripts or blocked
URLs makes up variants, and each needs a row. Beyond the hourly cap a report is reduced to its *coarse key*:
the kind, the disposition, the directive and the hosts that the report names; its time becomes that of its
receipt. Coarse keys can be made up too: beyond the same number of them, only the kind and the disposition are
left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from workers.model import report
from workers.stages import fingerprint
from workers.text import urls

if TYPE_CHECKING:
    from workers.stages.classify import Finding

NOTE: Final = "collapsed"
"""The key in ``details`` that says to what a report was reduced: ``place`` (its coarse key) or ``other``."""


def to_coarse(finding: Finding) -> Finding:
    """Return the finding reduced to its coarse key."""
    found = finding.report
    where = found.document.host or found.document.text or found.hostname
    reduced = report.Report(
        kind=found.kind,
        disposition=found.disposition,
        directive=found.directive,
        blocked=_host(found.blocked),
        document=_host(found.document),
        hostname=found.hostname,
        details={NOTE: "place"},
    )
    return _reduced(finding, reduced, f"Many different {found.kind} reports from {where or 'nowhere'}")


def to_other(finding: Finding) -> Finding:
    """Return the finding reduced to its kind and disposition."""
    found = finding.report
    reduced = report.Report(kind=found.kind, disposition=found.disposition, details={NOTE: "other"})
    return _reduced(finding, reduced, f"Many different {found.kind} reports")


def _host(url: urls.URL) -> urls.URL:
    return urls.URL(url.host, url.host, "") if url.host else url


def _reduced(finding: Finding, found: report.Report, title: str) -> Finding:
    """Return a finding with another report. Its raw text stays, because each row keeps one original."""
    return msgspec.structs.replace(
        finding,
        report=found,
        title=title,
        fingerprint=fingerprint.fingerprint(found),
        policy=0,
        digest=0,
    )
