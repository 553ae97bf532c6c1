"""Explains one payload: the result of each stage, and its reason. Pure, like the stages that it runs."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, Final

import msgspec

from storage.projects import project_settings
from storage.queue import envelope
from storage.text import charsets, lenient
from workers import impossible, noise, pipeline
from workers.explain import explanation
from workers.model import batch_plan, outcomes, report
from workers.reading import decode, user_agents, values
from workers.stages import classify, evaluate, fingerprint, state, table
from workers.text import urls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workers.noise import rules_file

_PROJECT: Final = 1
_DEFAULTS: Final = project_settings.ProjectSettings()
_MENDED: Final = explanation.FieldChange(
    "body", "no strict JSON", "JSON", "senders make mistakes that can be understood"
)
_TIMES: Final = ("window_start", "first_seen", "last_seen")
_Contradiction = impossible.Contradiction
_CONTRADICTIONS: Final = {
    _Contradiction.NONE: "Its policy does not plainly allow what was blocked.",
    _Contradiction.ALLOWED: "Its policy allows the URL itself: a redirect led elsewhere, or it is forged.",
    _Contradiction.IMPOSSIBLE: "Its policy allows what was blocked, and no redirect explains it.",
}
_URLS: Final = frozenset({"blocked", "document", "source_file"})
_AS_SENT: Final = frozenset({"policy_sent", "sent"})
"""Fields that a report has only until it is scrubbed."""


def explain(  # noqa: PLR0913 - the facts of a request
    body: bytes,
    *,
    user_agent: str = "",
    settings: project_settings.ProjectSettings = _DEFAULTS,
    received_ms: int = 0,
    common: rules_file.RulesFile | None = None,
    content_type: str = "",
) -> explanation.Explanation:
    """Return what becomes of a payload. Never raises for anything a sender wrote.

    Args:
        body: the body of the request.
        user_agent: the user agent of the request.
        settings: the settings of the project.
        received_ms: when the request was received, in milliseconds since the epoch.
        common: the noise rules in force; None for those that are shipped.
        content_type: the ``Content-Type`` of the request.
    """
    decoded = decode.decode(body, charsets.codec_of(content_type))
    rows = _rows(_payload(body, user_agent, content_type), settings, received_ms, common)
    reports: tuple[explanation.Explained, ...] = ()
    if isinstance(decoded, decode.DecodedBody):
        rules = state.rules_of(settings, common)
        matches = noise.agent_matches_of(user_agent, rules.noise)
        verbatim = impossible.reports_verbatim(user_agent)
        items = (
            state.ItemState(item, decoded.batch, rules, matches, verbatim, decoded.mended)
            for item in decoded.items
        )
        reports = tuple(_report(position, item, user_agent) for position, item in enumerate(items))
    return explanation.Explanation(_decode(body, decoded), reports, _collapse(reports, rows, settings), rows)


def _decode(body: bytes, decoded: decode.DecodedBody | report.Rejection) -> explanation.ExplainedStage:
    if isinstance(decoded, report.Rejection):
        return explanation.ExplainedStage(
            "decode", decoded.error, {"bytes": len(body), "reason": str(decoded.reason)}
        )
    facts = {"bytes": len(body), "items": len(decoded.items), "left_out": decoded.left_out}
    result = "One object." if body.lstrip()[:1] != b"[" else f"An array of {len(decoded.items)} items."
    if decoded.batch:
        result = f"A batch of the Reporting API with {len(decoded.items)} items."
    if decoded.surplus is not None:
        result = f"{result} {decoded.surplus.error}"
    return explanation.ExplainedStage("decode", result, facts, () if _is_strict(body) else (_MENDED,))


def _is_strict(body: bytes) -> bool:
    try:
        lenient.require_shallow(body)
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, lenient.NotJSONError):
        return False
    return True


def _report(position: int, item: state.ItemState, user_agent: str) -> explanation.Explained:
    """Lead an item through the stages of the pipeline, and tell what each one did."""
    stages = list(_stages(item, user_agent))
    result, title = item.result, ""
    if isinstance(result, classify.Finding):
        title = result.title
    elif result.reason is outcomes.Reason.DEFECT:
        stages = [explanation.ExplainedStage("defect", result.error)]
    _, outcome, reason = result.outcome_key
    return explanation.Explained(position, outcome, reason, title, tuple(stages))


def _stages(item: state.ItemState, user_agent: str) -> Iterator[explanation.ExplainedStage]:
    for stage in table.STAGES:
        before = item.found
        evaluate.run_stage(stage, [item])
        rejection = item.rejection
        if rejection is None or item.label.dropped:
            yield _TELLERS[stage](item, before)
        else:
            yield _rejected(stage, rejection)
        if rejection is not None:
            return
    yield _agent(item.found, user_agent)


def _rejected(stage: table.ReportStage, rejection: report.Rejection) -> explanation.ExplainedStage:
    return explanation.ExplainedStage(
        stage.name, rejection.error, {"kind": rejection.kind, "reason": str(rejection.reason)}
    )


def _detect(item: state.ItemState, _before: report.Report) -> explanation.ExplainedStage:
    kind, parts = item.family.kind, item.parts
    if parts.type:
        how = f"by its type {parts.type}"
    elif parts.wrapper:
        how = f"by its member {parts.wrapper}"
    else:
        how = "by the names of its members"
    return explanation.ExplainedStage(
        "detect", f"{kind}, {how}.", {"kind": kind, "members": sorted(parts.body)}
    )


def _normalise(item: state.ItemState, _before: report.Report) -> explanation.ExplainedStage:
    found = item.found
    fields = _fields(found)
    changes = [*_cleaned(found, {**item.parts.envelope, **item.parts.body}), *_nulled(found)]
    return explanation.ExplainedStage(
        "normalise", f"{len(fields)} fields hold something.", fields, tuple(changes)
    )


def _admission(_item: state.ItemState, _before: report.Report) -> explanation.ExplainedStage:
    return explanation.ExplainedStage("admission", "The project takes it.")


def _fields(found: report.Report) -> dict[str, Any]:
    """Return the fields of a report that hold something, URLs as text."""
    every = {name: getattr(found, name) for name in found.__struct_fields__ if name not in _AS_SENT}
    plain = {name: value.text if name in _URLS else value for name, value in every.items()}
    return {name: value for name, value in plain.items() if value}


def _cleaned(found: report.Report, sent: report.Members) -> Iterator[explanation.FieldChange]:
    """Tell of members that became a field, but not as they were sent."""
    places = {getattr(found, name).text for name in _URLS} - {""}
    for name, text in sent.items():
        value = values.verbatim_of(text)
        if value is None:
            continue
        cleaned = urls.clean(value).text
        if cleaned in places and cleaned != value:
            yield explanation.FieldChange(
                name, value, cleaned, "its canonical form, less user info, query and fragment"
            )
        elif name.lower().replace("-", "") == "originalpolicy" and found.policy not in {"", value.strip()}:
            yield explanation.FieldChange(
                name, value, found.policy, "nonces make a new policy of it on each page"
            )
        elif name.lower().endswith("directive") and _is_text_of(value, found.directive):
            yield explanation.FieldChange(name, value, found.directive, "its first word, in lower case")
        elif name == "disposition" and found.disposition not in {"", value}:
            yield explanation.FieldChange(name, value, found.disposition, "the word for it in all reports")


def _is_text_of(value: str, directive: str) -> bool:
    """Return whether a text says more than the name of the directive that it is about."""
    return value != directive and value.lower().split()[:1] == [directive]


def _nulled(found: report.Report) -> Iterator[explanation.FieldChange]:
    for name in filter(None, found.details.get("nulled", "").split(",")):
        yield explanation.FieldChange(
            name, "", "nothing", "its value is of no use: wrong type, form or range"
        )


def _impossible(item: state.ItemState, _before: report.Report) -> explanation.ExplainedStage:
    contradiction = item.contradiction
    result = _CONTRADICTIONS[contradiction] if item.found.policy_sent else "It carries no policy to judge by."
    facts = {
        "allowed": contradiction is not _Contradiction.NONE,
        "impossible": contradiction is _Contradiction.IMPOSSIBLE,
    }
    return explanation.ExplainedStage("impossible", result, facts)


def _signs(item: state.ItemState, before: report.Report) -> explanation.ExplainedStage:
    facts = {"rules": list(item.signs.met)} if item.signs.met else {}
    if item.found.policy == before.policy:
        told = "Its query or its source file tells of noise." if facts else "Nothing to note."
        return explanation.ExplainedStage("signs", told, facts)
    by = item.found.details["rewritten"]
    change = explanation.FieldChange(
        "policy", before.policy, item.found.policy, f"software on the visitor's machine put it there: {by}"
    )
    return explanation.ExplainedStage("signs", "The policy is not as the site sent it.", facts, (change,))


def _scrub(item: state.ItemState, before: report.Report) -> explanation.ExplainedStage:
    old, new = _fields(before), _fields(item.found)
    changes = tuple(
        explanation.FieldChange(
            name, _text(old.get(name, "")), _text(new.get(name, "")), "it may name a person or open a door"
        )
        for name in before.__struct_fields__
        if old.get(name) != new.get(name)
    )
    fields = "1 field" if len(changes) == 1 else f"{len(changes)} fields"
    return explanation.ExplainedStage(
        "scrub", f"{fields} changed." if changes else "Nothing to take out.", {}, changes
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(msgspec.to_builtins(value))


def _noise(item: state.ItemState, _before: report.Report) -> explanation.ExplainedStage:
    label = item.label
    facts = {"noise": label.noise, "rule": label.rule, "dropped": label.dropped}
    if not label.rule:
        return explanation.ExplainedStage("noise", "No rule matches.", facts)
    dropped = "; the project drops it" if label.dropped else ""
    return explanation.ExplainedStage("noise", f"{label.noise}, by the rule {label.rule}{dropped}.", facts)


def _classify(item: state.ItemState, _before: report.Report) -> explanation.ExplainedStage:
    found, scrubbing = item.found, item.rules.scrubbing
    hashed = dict(zip(fingerprint.PARTS, fingerprint.parts(found, scrubbing), strict=True))
    facts = {"fingerprint": fingerprint.fingerprint(found, scrubbing)} | {
        name: text for name, text in hashed.items() if text
    }
    return explanation.ExplainedStage("classify", item.family.title(found), facts)


_TELLERS: Final[
    dict[table.ReportStage, Callable[[state.ItemState, report.Report], explanation.ExplainedStage]]
] = {
    table.DETECT: _detect,
    table.NORMALISE: _normalise,
    table.ADMISSION: _admission,
    table.IMPOSSIBLE: _impossible,
    table.SIGNS: _signs,
    table.SCRUB: _scrub,
    table.NOISE: _noise,
    table.CLASSIFY: _classify,
}
"""Tells what a stage made of an item, by the item's state after the stage and the report before it."""


def _agent(found: report.Report, requests: str) -> explanation.ExplainedStage:
    agent = user_agents.parse(found.user_agent or requests)
    whose = "of the report" if found.user_agent else "of the request"
    if not any(agent):
        return explanation.ExplainedStage("user agent", "Unknown.", agent._asdict())
    named = " ".join(filter(None, (agent.browser, agent.version, agent.os and f"on {agent.os}")))
    return explanation.ExplainedStage("user agent", f"{named}, by the user agent {whose}.", agent._asdict())


def _collapse(
    reports: tuple[explanation.Explained, ...],
    rows: tuple[dict[str, Any], ...],
    settings: project_settings.ProjectSettings,
) -> explanation.ExplainedStage:
    accepted = sum(explained.outcome == outcomes.Outcome.ACCEPTED.value for explained in reports)
    window = settings.dedupe_window
    how = f"Equal reports within {window} s become one row" if window else "Each report becomes a row"
    facts = {"accepted": accepted, "rows": len(rows), "dedupe_window": window}
    return explanation.ExplainedStage("collapse", f"{how}; accepted: {accepted}, rows: {len(rows)}.", facts)


def _payload(body: bytes, user_agent: str, content_type: str) -> envelope.Payload:
    return envelope.Payload(
        project_id=_PROJECT,
        key="",
        environment="",
        release="",
        user_agent=user_agent,
        content_type=content_type,
        flags=0,
        body=body,
    )


def _rows(
    payload: envelope.Payload,
    settings: project_settings.ProjectSettings,
    received_ms: int,
    common: rules_file.RulesFile | None,
) -> tuple[dict[str, Any], ...]:
    """Return the rows that the pipeline makes of the payload, their times as UTC."""
    plan = batch_plan.Plan(projects={_PROJECT: batch_plan.ProjectPlan(settings=settings)})
    columns = pipeline.process(
        0, [envelope.Entry(f"{received_ms}-0", [payload])], plan, common=common
    ).reports
    rows = zip(*columns.values(), strict=True)
    return tuple(_row(dict(zip(columns, row, strict=True))) for row in rows)


def _row(row: dict[str, Any]) -> dict[str, Any]:
    del row["project_id"], row["environment"], row["release"], row["reach"]  # no file knows its senders
    return row | {name: _time(row[name]) for name in _TIMES}


def _time(milliseconds: int) -> str:
    moment = dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
