"""The classify stage: a report's title, its fingerprint, and how it is counted."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import msgspec
import xxhash

from workers import impossible, noise, scrub
from workers.model import outcomes, report
from workers.stages import fingerprint, raw

if TYPE_CHECKING:
    from workers.families import contract


class Finding(msgspec.Struct, eq=False, gc=False):
    """A classified report. Compared by identity: a batch makes one finding of all equal items.

    Attributes:
        item: the item of which the report was made; None once the raw text is made of it.
        report: the normalised report.
        title: one line for a person.
        fingerprint: groups the same finding across time, pages, browsers, releases and environments.
        outcome_key: how the report is counted.
        policy: hash of the policy's text, 0 without one.
        label: which noise the report is, if any.
        contradiction: whether the reported policy allows what was reported.
        scrubbing: the rules by which the raw text of the item is scrubbed.
        digest: hash of the content, see ``rows.identity``; 0 until it is asked for.
    """

    item: report.Item | None
    report: report.Report
    title: str
    fingerprint: int
    outcome_key: outcomes.OutcomeKey
    policy: int
    label: noise.Label
    contradiction: impossible.Contradiction
    scrubbing: scrub.ScrubRules
    digest: int = 0
    _raw: str = ""

    @property
    def raw(self) -> str:
        """The cleaned text of the item, made when the first row needs it."""
        if self.item is not None:
            self._raw = raw.render(self.item, self.scrubbing)
            self.item = None
        return self._raw


def classify(  # noqa: PLR0913 - one parameter for what each stage found
    family: contract.Family,
    found: report.Report,
    item: report.Item,
    label: noise.Label = noise.NONE,
    *,
    contradiction: impossible.Contradiction = impossible.Contradiction.NONE,
    scrubbing: scrub.ScrubRules = scrub.DEFAULT,
) -> Finding:
    """Return the finding that a report of this family is, made from this item."""
    title = family.title(found)
    policy = _policy_hash(found.policy) if found.policy else 0
    return Finding(
        report=found,
        title=title,
        fingerprint=fingerprint.fingerprint(found, scrubbing),
        outcome_key=_accepted(found.kind),
        policy=policy,
        label=label,
        contradiction=contradiction,
        scrubbing=scrubbing,
        item=item,
    )


@functools.cache
def _accepted(kind: str) -> outcomes.OutcomeKey:
    return outcomes.OutcomeKey(kind, outcomes.Outcome.ACCEPTED.value, "")


@functools.lru_cache(maxsize=256)
def _policy_hash(policy: str) -> int:
    return xxhash.xxh64_intdigest(policy.encode())
