"""Expect-Staple: a certificate without a good OCSP response stapled to it (Chrome 51 to 72, preloaded hosts).

Chrome sent the report without a wrapper; the draft, and collectors' documentation, have one.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from storage.text import base64text
from workers.families import certificates, contract, envelope, reporting
from workers.reading import aliases, values

if TYPE_CHECKING:
    from workers.model import report
    from workers.reading.fields import FieldReader

KIND: Final = "expect-staple"
_PROVIDED: Final = "provided"
_PROBLEMS: Final = {
    "missing": "no OCSP response stapled",
    "error_response": "the stapled OCSP response is an error",
    "bad_produced_at": "the stapled OCSP response was made while the certificate was not valid",
    "no_matching_response": "the stapled OCSP response is about another certificate",
    "invalid_date": "the stapled OCSP response is out of date",
    "parse_response_error": "the stapled OCSP response is malformed",
    "parse_response_data_error": "the data of the stapled OCSP response is malformed",
    "provided": "a valid OCSP response stapled",
    "provided good": "a good OCSP response stapled",
    "provided revoked": "revoked, says the stapled OCSP response",
    "provided unknown": "unknown to the stapled OCSP response",
}


def normalise(item: report.Item) -> report.Report | report.Rejection:
    """Return the report. The directive is the statuses of response and certificate."""
    read, sent = envelope.read(item, aliases.EXPECT_STAPLE)
    return certificates.report_of(
        KIND,
        read,
        sent.user_agent,
        directive=_status(read),
        moments={"ocsp_response_sha256": read.read("ocsp", _sha256_of, "")},
    )


def title(found: report.Report) -> str:
    """Return what is wrong with the certificate of which host."""
    problem = _PROBLEMS.get(found.directive) or f"OCSP stapling {found.directive}".rstrip()
    return f"Certificate of {found.hostname}: {problem}"


def _status(read: FieldReader) -> str:
    response = reporting.word(read, "response")
    certificate = reporting.word(read, "certificate")
    return f"{response} {certificate}".rstrip() if response == _PROVIDED else response


def _sha256_of(sent: bytes) -> str | None:
    encoded = values.verbatim_of(sent)
    if encoded is None:
        return None
    try:
        return hashlib.sha256(base64text.decode("".join(encoded.split()))).hexdigest()
    except ValueError:
        return None


FAMILY: Final = contract.Family(
    kind=KIND,
    wrappers=("expect-staple-report",),
    types=("expect-staple",),
    names=aliases.EXPECT_STAPLE,
    normalise=normalise,
    title=title,
)
