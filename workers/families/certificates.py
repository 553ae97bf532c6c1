"""Parts that the certificate families share: the host, the dates, and the served and the validated chain."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from storage.text import base64text
from workers.model import outcomes, report
from workers.reading import fields
from workers.text import urls

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.reading.fields import FieldReader

_CHAINS: Final = frozenset({"served", "validated"})
_MAX_CHAIN: Final = 16
_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----")


def report_of(  # noqa: PLR0913 - what the families differ in
    kind: str,
    read: FieldReader,
    user_agent: str,
    *,
    directive: str = "",
    disposition: str = "",
    details: Callable[[FieldReader], dict[str, str]] = lambda _read: {},
    moments: dict[str, str] | None = None,
) -> report.Report | report.Rejection:
    """Return the report about a host's certificate, or the reason why it is none.

    Args:
        kind: the kind of the family.
        read: the report's members.
        user_agent: the user agent that the report names.
        directive: what was violated, where the family distinguishes violations.
        disposition: ``enforce``, ``report`` or "".
        details: reads the details that only this family has.
        moments: further details that differ from report to report of one finding.
    """
    host = hostname(read)
    if not host:
        return report.invalid(outcomes.Reason.NO_HOSTNAME, kind)
    found = {**chains(read), **details(read)}
    if not _CHAINS.isdisjoint(read.nulled):
        return report.invalid(outcomes.Reason.NO_CHAIN, kind)
    port = read.integer("port", fields.MAX_PORT)
    times = {**_dates(read), **(moments or {})}
    found["nulled"] = ",".join(read.nulled)  # asked last: every field has been read by now
    return report.Report(
        kind=kind,
        disposition=disposition,
        directive=directive,
        hostname=host,
        port=port,
        user_agent=user_agent,
        moments={name: value for name, value in times.items() if value},
        details={name: value for name, value in found.items() if value},
    )


def _dates(read: FieldReader) -> dict[str, str]:
    return {"date_time": read.date("date_time"), "expires": read.date("expires")}


def hostname(read: FieldReader, field: str = "hostname") -> str:
    """Return a host name in canonical form, or "" (and note the field) if it is none."""
    name = read.verbatim(field)
    host = urls.host(name)
    if name and not host:
        read.nulled.append(field)
    return host


def chains(read: FieldReader) -> dict[str, str]:
    """Return for each chain its length, and the SHA-256 of its most telling certificate.

    These are the served leaf, which says which certificate it was, and the validated root, which says who
    intercepts the connection.
    """
    served, validated = _chain(read, "served"), _chain(read, "validated")
    found = {
        "served_certificates": str(len(served) or ""),
        "served_leaf_sha256": _sha256(served[0]) if served else "",
        "validated_certificates": str(len(validated) or ""),
        "validated_root_sha256": _sha256(validated[-1]) if validated else "",
    }
    return {name: value for name, value in found.items() if value}


def _chain(read: FieldReader, field: str) -> list[str]:
    return [pem for pem in read.array(field)[:_MAX_CHAIN] if isinstance(pem, str)]


def _sha256(pem: str) -> str:
    match = _PEM.search(pem)
    if match is None:
        return ""
    try:
        der = base64text.decode("".join(match[1].split()))
    except ValueError:
        return ""
    return hashlib.sha256(der).hexdigest()
