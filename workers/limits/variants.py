"""What is kept of a report that is one variant too many: its place, or not even that.

A variant is a report as a row would store it, less its time. A sender who makes up pages, scripts or blocked
URLs makes up variants, and a row for each. Beyond the hourly cap a report is reduced to its *place*: the
kind, the disposition, the directive and the hosts that it names; and it counts as of its receipt. Places can
be made up too, so that beyond as many of them nothing but the kind and the disposition is left.
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
"""The key in ``details`` that says so: ``place`` or ``other``."""


def to_coarse(finding: Finding) -> Finding:
    """Return the finding reduced to its place."""
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
    """Return a finding with another report; its raw text stays, for one of each row's is kept."""
    return msgspec.structs.replace(
        finding,
        report=found,
        title=title,
        fingerprint=fingerprint.fingerprint(found),
        policy=0,
        digest=0,
    )
