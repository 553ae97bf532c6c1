"""One table of names: report types and members, as specifications, drafts and shipped browsers spelled them.

Case, hyphens, underscores and ``…URI`` for ``…URL`` make no difference, so that the table has each name once.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final

from workers.reading import fields

if TYPE_CHECKING:
    from workers.model import report

_NO_LETTER: Final = re.compile(r"[^a-z0-9]+")
_SUFFIX: Final = re.compile(r"(?:reportonly|reports?|violations?|body|event)+\Z")
_MAX_TYPE: Final = 64


def folded_type(name: str) -> str:
    """Return a type without what its spellings differ in: ``CSPViolationReportBody`` becomes ``csp``.

    A name that is longer than any type stays what it is: it would take time by the square of its length.
    """
    return _SUFFIX.sub("", _NO_LETTER.sub("", name.lower())) if len(name) <= _MAX_TYPE else name


_TYPES: Final = {
    "csp-violation": (
        "csp content-security-policy x-content-security-policy x-webkit-csp security-policy"  # the DOM event
        " csp-report-uri"
    ),
    "csp-hash": "csp-hash csp-script-hash content-security-policy-hash",
    "integrity-violation": "integrity integrity-policy subresource-integrity sri",
    "permissions-policy-violation": "permissions-policy permission-policy",
    "potential-permissions-policy-violation": "potential-permissions-policy potential-permission-policy",
    "feature-policy-violation": "feature-policy",
    "potential-feature-policy-violation": "potential-feature-policy",
    "document-policy-violation": "document-policy",
    "coep": "coep cross-origin-embedder-policy cross-origin-embedder",
    "coop": "coop coop-access coop-navigation cross-origin-opener-policy cross-origin-opener",
    "network-error": "network-error network-errors nel network-error-logging",
    "deprecation": "deprecation deprecated deprecations",
    "intervention": "intervention interventions",
    "crash": "crash crashes renderer-crash page-crash",
    "connection-allowlist": "connection-allowlist connection-allowlists",
    "hpkp": "hpkp pkp public-key-pins public-key-pinning key-pinning trustkit pin-validation-failure",
    "expect-ct": "expect-ct expectct certificate-transparency",
    "expect-staple": "expect-staple expectstaple ocsp-expect-staple",
}
TYPES: Final = {folded_type(alias): name for name, aliases in _TYPES.items() for alias in aliases.split()}
"""The type by which a family knows a report, by each other name of it, folded."""


@functools.lru_cache(maxsize=1024)
def type_of(name: str) -> str:
    """Return the type by which a family knows this one; the name itself if no family does."""
    return TYPES.get(folded_type(name), name)


ENVELOPE: Final = {
    **fields.names(age="age", url="url page-url", user_agent="user-agent"),
    **dict.fromkeys(("type", "body", "report"), ""),
}
"""The members around a body. The stage that detects the family has read some of them."""

_COMMON: Final = fields.names(
    document="document-url document",
    referrer="referrer referer",
    blocked="blocked-url blocked",
    disposition="disposition",
    report_only="report-only",
    source_file="source-file source-url script-url file-name",
    line="line-number lineno line",
    column="column-number colno column",
    message="message",
    type="type",
)
"""The members that bodies of the Reporting API have in common."""

CSP: Final = fields.names(
    document="document-url document",
    referrer="referrer referer",
    blocked="blocked-url blocked",
    violated="violated-directive",
    directive="effective-directive directive",
    policy="original-policy policy",
    disposition="disposition",
    status_code="status-code status",
    source_file="source-file source-url",
    line="line-number lineno line",
    column="column-number colno column",
    sample="script-sample sample",
    url_hash="url-hash",
    eval_hash="eval-hash",
    request="request",
)
CSP_HASH: Final = _COMMON | fields.names(
    blocked="subresource-url subresource blocked-url", directive="destination", hash="hash integrity"
)
INTEGRITY: Final = _COMMON | fields.names(directive="destination")
PERMISSIONS_POLICY: Final = _COMMON | fields.names(
    directive="policy-id feature-id feature policy-name", allow="allow-attribute", blocked="src-attribute"
)
DOCUMENT_POLICY: Final = _COMMON | fields.names(directive="policy-id feature-id feature")
COEP: Final = _COMMON | fields.names(directive="type violation violation-type", destination="destination")
COOP: Final = _COMMON | fields.names(
    directive="type violation violation-type",
    blocked=(
        "previous-response-url next-response-url opener-url openee-url other-document-url"
        " navigation-url other-url previous-url next-url"
    ),
    property="property",
    effective_policy="effective-policy",
    popup="initial-popup-url",
)
NEL: Final = _COMMON | fields.names(
    requested="url navigation-url resource-url request-url failed-url",
    directive="type error-type",
    sampling_fraction="sampling-fraction sampling-rate",
    server_ip="server-ip",
    protocol="protocol",
    method="method",
    status_code="status-code status",
    elapsed_time="elapsed-time",
    phase="phase",
    exchange="sxg",
)
EXCHANGE: Final = fields.names(outer="outer-url", inner="inner-url", certificate="cert-url")
DEPRECATION: Final = _COMMON | fields.names(
    directive="id feature", removal="anticipated-removal anticipated-removal-date anticipated-removal-time"
)
INTERVENTION: Final = _COMMON | fields.names(directive="id")
CRASH: Final = _COMMON | fields.names(
    directive="reason crash-reason",
    stack="stack",
    top_level="is-top-level",
    visibility="visibility-state page-visibility",
)
CONNECTION_ALLOWLIST: Final = _COMMON | fields.names(blocked="connection blocked-url", allowlist="allowlist")

_CERTIFICATE: Final = fields.names(
    hostname="hostname host-name host server-hostname",
    port="port",
    date_time="date-time timestamp",
    expires="effective-expiration-date",
    served="served-certificate-chain",
    validated="validated-certificate-chain",
)
EXPECT_CT: Final = _CERTIFICATE | fields.names(
    scts="scts", disposition="failure-mode", test_report="test-report"
)
EXPECT_STAPLE: Final = _CERTIFICATE | fields.names(
    response="response-status", certificate="cert-status", ocsp="ocsp-response"
)
HPKP: Final = _CERTIFICATE | fields.names(
    noted_hostname="noted-hostname",
    include_subdomains="include-subdomains",
    pins="known-pins",
    enforce="enforce-pinning",
    validation_result="validation-result",
    app="app-bundle-id",
    app_version="app-version",
    app_platform="app-platform",
    app_platform_version="app-platform-version",
    trustkit_version="trustkit-version",
)

_TELLING: Final[tuple[tuple[str, str, fields.Names], ...]] = (
    ("hpkp", "known-pins", {}),
    ("expect-ct", "hostname scts", {}),
    ("csp-violation", "effective-directive", {}),
    ("csp-violation", "violated-directive", {}),
    ("csp-violation", "original-policy", {}),
    ("expect-staple", "hostname response-status", {}),
    ("csp-hash", "subresource-url", {}),
    ("network-error", "sampling-fraction", {}),
    ("deprecation", "anticipated-removal", {}),
    ("potential-permissions-policy-violation", "allow-attribute", {}),
    ("potential-permissions-policy-violation", "src-attribute", {}),
    ("permissions-policy-violation", "policy-id", PERMISSIONS_POLICY),
    ("permissions-policy-violation", "feature-id", PERMISSIONS_POLICY),
    ("coop", "effective-policy", {}),
    ("coop", "previous-response-url", {}),
    ("coop", "next-response-url", {}),
    ("connection-allowlist", "connection allowlist", CONNECTION_ALLOWLIST),
    ("integrity-violation", "report-only destination", INTEGRITY),
    ("csp-hash", "hash destination", CSP_HASH),
    ("coep", "blocked-url destination", COEP),
    ("network-error", "elapsed-time", NEL),
    ("network-error", "type phase", NEL),
    ("crash", "is-top-level", {}),
    ("crash", "visibility-state", CRASH),
    ("crash", "crash-report-api", {}),
    ("intervention", "id message", INTERVENTION),
    ("csp-violation", "blocked-url", {}),
    ("csp-violation", "document-url", {}),
)
"""Types, members that tell them, and the names of the fields if other programs use such members too. Without
an envelope these tell a report only beside other members of it."""
_FIELDS_ENOUGH: Final = 3
"""Fields of a report without an envelope, its type not counted."""
_MARKS: Final = tuple(
    (name, frozenset(map(fields.folded, marks.split())), names) for name, marks, names in _TELLING
)
_OF_EMBEDDERS: Final = frozenset({b'"corp"', b'"navigation"', b'"worker initialization"'})
_OF_CRASHES: Final = frozenset({b'"oom"', b'"unresponsive"'})
_DOCUMENT_POLICIES: Final = re.compile(
    rb'"(?:document-write|unsized-media|oversized-images|unoptimized-(?:lossy|lossless)[a-z-]*|js-profiling'
    rb'|force-load-at-top|font-display-late-swap|layout-animations|[a-z-]*crash-report[a-z-]*)"'
)


def told_by(members: report.Members, *, enveloped: bool = False) -> str:
    """Return the type of a report without one, which its members tell; "" if they tell none.

    Args:
        members: the members of a body, or of an object that may be one.
        enveloped: whether the envelope of a report is around them.
    """
    present = {fields.folded(member) for member in members}
    if members.get("type") in _OF_EMBEDDERS and (enveloped or "blockedurl" in present):
        return "coep"
    found = (
        name for name, marks, names in _MARKS if marks <= present and (enveloped or _enough(present, names))
    )
    name = next(found, "crash" if enveloped and members.get("reason") in _OF_CRASHES else "")
    if name == "permissions-policy-violation" and any(map(_DOCUMENT_POLICIES.fullmatch, members.values())):
        return "document-policy-violation"
    return name


def _enough(present: set[str], names: fields.Names) -> bool:
    known = {names[member] for member in present - {"type"} if member in names}
    return not names or len(known) >= _FIELDS_ENOUGH
