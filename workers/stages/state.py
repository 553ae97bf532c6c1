"""The state of an item: what the stages of a report pass on from one to the next."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import msgspec

from workers import impossible, noise, scrub
from workers.families import contract, unknown
from workers.model import outcomes, report
from workers.reading import decode
from workers.stages import admission, classify

if TYPE_CHECKING:
    from storage.projects import project_settings
    from workers.noise import rules_file

ItemResult = classify.Finding | report.Rejection
"""The result for an item: an accepted report, or the reason why it is none."""


class EvaluationRules(msgspec.Struct, frozen=True, eq=False):
    """Rules of a project that decide what becomes of a report. Compared by identity.

    Attributes:
        admission: which reports are taken at all.
        scrubbing: the rules by which secrets are taken out of a report.
        noise: which reports are labelled, and which are dropped.
    """

    admission: admission.AdmissionRules = admission.DEFAULT
    scrubbing: scrub.ScrubRules = scrub.DEFAULT
    noise: noise.NoiseRules = noise.DEFAULT


DEFAULT: Final = EvaluationRules()


@functools.lru_cache(maxsize=1024)
def rules_of(
    settings: project_settings.ProjectSettings, common: rules_file.RulesFile | None = None
) -> EvaluationRules:
    """Return the rules that a project's settings ask for.

    Args:
        settings: the settings of the project.
        common: the noise rules in force; None for those that are shipped.
    """
    return EvaluationRules(
        admission.rules_of(settings), scrub.rules_of(settings), noise.rules_of(settings, common)
    )


UNDECIDED: Final = report.invalid(outcomes.Reason.DEFECT)
"""The result of an item that no stage has decided yet."""


class ItemState(msgspec.Struct, eq=False, gc=False):
    """One item on its way through the stages. Each stage reads what earlier ones found, and adds its own.

    Attributes:
        item: the decoded item.
        batch: whether it comes from a Reporting API array.
        rules: the rules of the project.
        agent_matches: ids of the noise rules that the request's user agent meets.
        verbatim: whether the request's browser reports policies as they were sent. For this and the matches,
            a user agent that the report names comes first.
        mended: whether broken text was mended in its payload.
        family: the family that detect recognised.
        parts: the item in its parts, by detect.
        found: the report that normalise made, and scrub after it.
        contradiction: whether the reported policy allows what was reported.
        signs: what the report told of noise before it was scrubbed.
        label: which noise the report is, if any.
        result: what the item becomes; a stage that sets it is the item's last.
    """

    item: decode.Item
    batch: bool
    rules: EvaluationRules = DEFAULT
    agent_matches: tuple[str, ...] = ()
    verbatim: bool = False
    mended: bool = False
    family: contract.Family = unknown.FAMILY
    parts: report.Item = report.Item("", {}, {})
    found: report.Report = report.Report(kind="")
    contradiction: impossible.Contradiction = impossible.Contradiction.NONE
    signs: noise.Signs = noise.NO_SIGNS
    label: noise.Label = noise.NONE
    result: ItemResult = UNDECIDED

    @property
    def rejection(self) -> report.Rejection | None:
        """Why a stage rejected the item; None if the item is accepted, or not decided yet."""
        result = self.result
        return None if result is UNDECIDED or isinstance(result, classify.Finding) else result
