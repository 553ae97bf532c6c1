"""Payloads as browsers send them: the same violation in the form of each browser, and the other families."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from storage.queue import envelope
from tests.cookbook import people

if TYPE_CHECKING:
    from collections.abc import Iterator

REPORTS: Final = "application/reports+json"
CSP_REPORT: Final = "application/csp-report"
_BATCHED: Final = (people.Wire.CHROMIUM, people.Wire.FIREFOX)


class Violation(NamedTuple):
    """A violation of a Content Security Policy.

    Attributes:
        directive: the effective directive.
        blocked: the blocked URL, or a keyword.
        policy: the whole policy.
        disposition: ``enforce`` or ``report``.
        source: the file of the code at fault, with line and column; empty and 0 if the browser names none.
        sample: the first characters of blocked code.
    """

    directive: str
    blocked: str
    policy: str
    disposition: str = "enforce"
    source: tuple[str, int, int] = ("", 0, 0)
    sample: str = ""


class Report(NamedTuple):
    """A report of a type other than CSP, as it stands in a batch of the Reporting API.

    Attributes:
        type: its type.
        body: its body.
        url: what it is about, if that is not the page.
    """

    type: str
    body: dict[str, Any]
    url: str = ""


class Seen(NamedTuple):
    """What a browser has to report: when it happened (s since the epoch), on which page, and what."""

    at: float
    page: str
    what: Violation | Report
    referrer: str = ""


class Place(NamedTuple):
    """Where reports go: the project, its public key, and the environment and release of the page."""

    project_id: int
    key: str
    environment: str
    release: str


class Sent(NamedTuple):
    """A payload, and when it was received, in seconds since the epoch."""

    at: float
    payload: envelope.Payload


def sent(place: Place, person: people.Person, seen: list[Seen], delay: float) -> Iterator[Sent]:
    """Yield what a browser sends of one page: one batch after a while, or a payload at once for each.

    Args:
        place: where it goes.
        person: whose browser it is.
        seen: what happened, in order of time.
        delay: seconds after the last one at which a browser that batches sends.
    """
    wire = person.browser.wire
    if wire in _BATCHED:
        told = [one for one in seen if wire is people.Wire.CHROMIUM or _known_to_firefox(one.what)]
        if told:
            at = told[-1].at + delay
            items = [_item(one, person, at) for one in told]
            yield Sent(at, payload(place, person, at, items, REPORTS))
        return
    for one in seen:
        if isinstance(one.what, Violation):
            body = _safari(one) if wire is people.Wire.SAFARI else _legacy(one, one.what)
            yield Sent(one.at, payload(place, person, one.at, body, CSP_REPORT))


def payload(
    place: Place, person: people.Person, at: float, body: object, content_type: str = "application/json"
) -> envelope.Payload:
    """Return a payload as the edge makes it of a request that it received at this time."""
    digest, slot = person.sender(place.project_id, int(at) // 86_400)
    return envelope.Payload(
        project_id=place.project_id,
        key=place.key,
        environment=place.environment,
        release=place.release,
        user_agent=person.browser.user_agent,
        content_type=content_type,
        flags=0,
        body=json.dumps(body).encode(),
        sender=digest if content_type == REPORTS else 0,
        slot=slot,
    )


def older(known: envelope.Payload, seconds: int) -> envelope.Payload:
    """Return a batch as it is sent again after some seconds: its reports are so much older."""
    body = re.sub(rb'"age": (\d+)', lambda age: b'"age": %d' % (int(age[1]) + 1000 * seconds), known.body)
    return msgspec.structs.replace(known, body=body)


def _known_to_firefox(what: Violation | Report) -> bool:
    return isinstance(what, Violation) or what.type == "integrity-violation"


def _item(one: Seen, person: people.Person, at: float) -> dict[str, Any]:
    """Return the item of a batch that is sent at this time."""
    what = one.what
    if isinstance(what, Report):
        kind, body, url = what.type, what.body, what.url or one.page
    else:
        kind, body, url = "csp-violation", _body(one, what), one.page
    if person.browser.wire is people.Wire.FIREFOX and isinstance(what, Violation):
        body = {"lineNumber": 0, "columnNumber": 1, "sourceFile": one.page, "sample": None, **body}
    return {
        "age": round((at - one.at) * 1000),
        "body": body,
        "type": kind,
        "url": url,
        "user_agent": person.browser.user_agent,
    }


def _body(one: Seen, what: Violation) -> dict[str, Any]:
    """Return the body of a CSP violation, without what the browser does not know."""
    file, line, column = what.source
    known: dict[str, Any] = {"sourceFile": file, "lineNumber": line, "columnNumber": column}
    return {
        "blockedURL": what.blocked,
        "disposition": what.disposition,
        "documentURL": one.page,
        "effectiveDirective": what.directive,
        "originalPolicy": what.policy,
        "referrer": one.referrer,
        "sample": what.sample,
        "statusCode": 200,
        **{name: value for name, value in known.items() if value},
    }


def _safari(one: Seen) -> dict[str, Any]:
    assert isinstance(one.what, Violation)
    return {"type": "csp-violation", "url": one.page, "body": _body(one, one.what)}


def _legacy(one: Seen, what: Violation) -> dict[str, Any]:
    file, line, column = what.source
    known: dict[str, Any] = {"source-file": file, "line-number": line, "column-number": column}
    report = {
        "blocked-uri": what.blocked,
        "disposition": what.disposition,
        "document-uri": one.page,
        "effective-directive": what.directive,
        "original-policy": what.policy,
        "referrer": one.referrer,
        "status-code": 200,
        "violated-directive": what.directive,
        **{name: value for name, value in known.items() if value},
    }
    return {"csp-report": report | ({"script-sample": what.sample} if what.sample else {})}
