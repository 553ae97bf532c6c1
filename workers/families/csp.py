"""Content Security Policy violations, of every generation of senders.

``report-uri`` objects (CSP1 to CSP3, also without their wrapper and as the form data of 2011), Reporting API
``csp-violation`` in batches or alone (Safari), and violation events that a page's own script posts.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final

import msgspec

from workers.families import contract, csp_titles, envelope
from workers.model import memo, outcomes, report
from workers.reading import aliases, decode, fields, values
from workers.text import cleaning, urls

if TYPE_CHECKING:
    from workers.reading.fields import FieldReader

KIND: Final = "csp"
_WRAPPER: Final = "csp-report"
_MAX_SAMPLE: Final = 256
_MAX_POLICY: Final = 16_384
_HASHES: Final = frozenset({"url_hash", "eval_hash"})
_NO_POLICY: Final = ("", "")

_DIRECTIVE: Final = re.compile(r"[a-z-]{1,64}")
_FETCH: Final = re.compile(r"[a-z]{1,32}(?:-[a-z]{1,32}){0,4}-src(?:-[a-z]{1,32})?")
"""A directive about what is fetched, of today or of the future."""
_OTHER: Final = "other"
_NO_NAME: Final = frozenset({"", _OTHER})
_OTHERS: Final = frozenset(
    {
        *("base-uri", "form-action", "frame-ancestors", "navigate-to", "sandbox", "plugin-types", "referrer"),
        *(
            "block-all-mixed-content",
            "upgrade-insecure-requests",
            "require-sri-for",
            "reflected-xss",
            "webrtc",
        ),
        *("require-trusted-types-for", "trusted-types", "report-uri", "report-to", "treat-as-public-address"),
    }
)
"""All other directives that specifications ever had."""
_PLAIN_NONCE: Final = re.compile(r"'nonce-[a-z0-9+/=_-]*'", re.IGNORECASE)
"""A nonce that can be replaced without changing what the rest of the policy says."""
_NONCE: Final = re.compile(r"'nonce-[^']*'", re.IGNORECASE)


def normalise(item: report.Item) -> report.Report | report.Rejection:
    """Return the violation in one shape for all senders (CSP3 §5.3, formats of CSP1 and CSP2 included)."""
    if _WRAPPER in item.body and (inner := decode.members(item.body[_WRAPPER])):
        item = msgspec.structs.replace(item, body=inner)
    read, sent = envelope.read(item, aliases.CSP)
    directive = _directive(read)
    if not directive:
        return report.invalid(outcomes.Reason.NO_DIRECTIVE, KIND)
    if not read.holds_text("document", "url", "blocked", "source_file", "request"):
        return report.invalid(outcomes.Reason.NO_LOCATION, KIND)
    return _report(read, directive, sent)


def _report(read: FieldReader, directive: str, sent: envelope.Envelope) -> report.Report:
    return report.Report(
        kind=KIND,
        disposition=read.disposition("disposition"),
        directive=directive,
        blocked=read.url("blocked"),
        document=_document(read, sent),
        referrer_host=read.url("referrer").host,
        source_file=read.url("source_file"),
        line=read.integer("line"),
        column=read.integer("column"),
        sample=read.text("sample", _MAX_SAMPLE),
        policy=(policy := read.read("policy", _policy_of, _NO_POLICY))[0],
        policy_sent=policy[1],
        sent=read.sent,
        user_agent=sent.user_agent,
        status_code=read.integer("status_code", fields.MAX_STATUS),
        age=sent.age,
        details=_details(read),
    )


def _directive(read: FieldReader) -> str:
    """Return the effective directive, else the violated one; "other" if neither is a name.

    Some senders write a word that is no directive; an unknown one counts if the violated one is no better.
    """
    sent = read.text("directive")
    if sent and (known := _known_directive(sent)):
        return known
    effective, violated = _directive_name(sent), read.text("violated")
    known = _known_directive(violated)
    if known or effective not in _NO_NAME:
        return known or effective
    return _directive_name(violated) or effective


@functools.lru_cache(maxsize=256)
def _known_directive(named: str) -> str:
    """Return the name at the beginning of a directive if it is one of today or of the future, else ""."""
    name = _directive_name(named)
    return name if name in _OTHERS or _FETCH.fullmatch(name) else ""


@functools.lru_cache(maxsize=256)
def _directive_name(named: str) -> str:
    """Return the name at the beginning of a directive, "" for none."""
    words = named.lower().split(maxsplit=1)
    if not words:
        return ""
    name = words[0].strip(";:,\"'")
    return name if _DIRECTIVE.fullmatch(name) else _OTHER


def _document(read: FieldReader, sent: envelope.Envelope) -> urls.URL:
    """Return the page: the envelope's URL first, for old Firefox repeats the blocked one as document."""
    if sent.url.text:
        return sent.url
    document = read.url("document")
    if document.text:
        return document
    _, _, request = read.text("request").partition(" ")  # Firefox 5: "GET <url> HTTP/1.1", no document
    return urls.clean(request.partition(" ")[0])


@memo.remembered
def _policy_of(sent: bytes) -> tuple[str, str] | None:
    """Return a policy as it is stored, and as reports are compared with it.

    Both are without nonces, which would make a new policy of it on each page. For comparison the policy is
    not cleaned, because cleaning may change its meaning.
    """
    value = values.load(sent)
    if not isinstance(value, str):
        return None
    value = value[:_MAX_POLICY]
    policy = cleaning.clean(value, _MAX_POLICY)
    if "'nonce-" not in policy.lower():
        return policy, value
    return _NONCE.sub("'nonce-…'", policy), _PLAIN_NONCE.sub("'nonce-x'", value)


def _details(read: FieldReader) -> dict[str, str]:
    found = {}
    if read.holds(_HASHES):
        found = {name: value for name in ("url_hash", "eval_hash") if (value := read.text(name))}
    if read.nulled:  # asked last: every field has been read by now
        found["nulled"] = ",".join(read.nulled)
    return found


FAMILY: Final = contract.Family(
    kind=KIND,
    wrappers=(_WRAPPER,),
    types=("csp-violation", "csp"),
    names=aliases.CSP,
    normalise=normalise,
    title=csp_titles.title,
)
