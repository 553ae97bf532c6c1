"""The stages of a report in their order: one table for the pipeline, explain and the docs.

``workers.pipeline.STAGES`` puts before and after them the stages of a payload and of a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

import msgspec

from workers import impossible, noise, scrub
from workers.failures import failpoints
from workers.model import report
from workers.reading import aliases, fields
from workers.stages import admission, classify, detect
from workers.stages.state import ItemState

Run: TypeAlias = Callable[[ItemState], None]
"""The contract of a stage: it adds what it finds to the state of one item, or decides the item's result.

A stage is pure, and raises for nothing that a sender wrote: an exception is a defect, and costs that report.
"""


class ReportStage(NamedTuple):
    """One stage that a report goes through.

    Attributes:
        name: as ``headrace explain`` and the docs name it.
        run: does the stage's work on the state of one item.
        does: what the stage does, in a sentence without a subject.
    """

    name: str
    run: Run
    does: str


def _detect(state: ItemState) -> None:
    found = detect.detect(state.item, batch=state.batch)
    if isinstance(found, report.Rejection):
        state.result = found
    else:
        state.family, state.parts = found


def _normalise(state: ItemState) -> None:
    failpoints.hit(failpoints.EVALUATING)
    found = state.family.normalise(state.parts)
    if isinstance(found, report.Rejection):
        state.result = found
    elif state.mended and (mended := fields.mended(state.parts, state.family.names, aliases.ENVELOPE)):
        state.found = msgspec.structs.replace(found, details={**found.details, "mended": mended})
    else:
        state.found = found


def _admit(state: ItemState) -> None:
    refused = admission.refusal(state.found, state.rules.admission)
    if refused is not None:
        state.result = refused


def _compare(state: ItemState) -> None:
    """Compare the report with its policy before it is scrubbed: a policy is about URLs as they were sent."""
    own = state.found.user_agent
    verbatim = impossible.reports_verbatim(own) if own else state.verbatim
    state.contradiction = impossible.of_report(state.found, verbatim=verbatim)


def _mark(state: ItemState) -> None:
    """Note what only the report as it was sent tells of noise, and restore the policy of the site."""
    found = state.found
    state.signs = noise.signs_of(found, state.rules.noise)
    own = noise.own_policy(found.policy, found.document.host, state.rules.noise) if found.policy else None
    if own is not None:
        details = {**found.details, "rewritten": ",".join(own.rules)}
        state.found = msgspec.structs.replace(found, policy=own.text, details=details)


def _scrub(state: ItemState) -> None:
    state.found = scrub.apply(state.found, state.rules.scrubbing)


def _label(state: ItemState) -> None:
    found, matches = state.found, state.agent_matches
    if found.user_agent:
        matches = noise.agent_matches_of(found.user_agent, state.rules.noise)
    state.label = noise.label(
        found,
        matches,
        state.rules.noise,
        state.signs,
        impossible=state.contradiction is impossible.Contradiction.IMPOSSIBLE,
        allowed=state.contradiction is not impossible.Contradiction.NONE,
    )
    if state.label.dropped:
        state.result = report.filtered(state.label.rule, found.kind)


def _classify(state: ItemState) -> None:
    state.result = classify.classify(
        state.family,
        state.found,
        state.parts,
        state.label,
        contradiction=state.contradiction,
        scrubbing=state.rules.scrubbing,
    )


DETECT: Final = ReportStage("detect", _detect, "Recognises the family of an item by its shape.")
NORMALISE: Final = ReportStage(
    "normalise", _normalise, "Reads the item into the fields that all families share."
)
ADMISSION: Final = ReportStage("admission", _admit, "Leaves out what the project does not take.")
IMPOSSIBLE: Final = ReportStage(
    "impossible", _compare, "Compares the report with the policy that it carries."
)
SIGNS: Final = ReportStage(
    "signs",
    _mark,
    "Notes what tells noise and is not stored, and takes out of the policy what is not the site's.",
)
SCRUB: Final = ReportStage("scrub", _scrub, "Takes out what names a person or opens a door.")
NOISE: Final = ReportStage(
    "noise", _label, "Labels what extensions, proxies and browsers cause, or drops it."
)
CLASSIFY: Final = ReportStage("classify", _classify, "Gives the report its title and its fingerprint.")

STAGES: Final = (DETECT, NORMALISE, ADMISSION, IMPOSSIBLE, SIGNS, SCRUB, NOISE, CLASSIFY)
"""The stages of a report in their order. The last stage decides every item that no other has decided."""
