"""The pipeline: a batch of stream entries in, rows for eight tables out. Pure and deterministic.

A limit decider answers all that limits ask beyond the batch. It decides the same for the same batch.
"""

from __future__ import annotations

import functools
import gc
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from storage.limits import decisions
from storage.queue import envelope
from storage.text import charsets
from workers import impossible, noise
from workers.limits import pending, project_limits
from workers.model import batch_plan, columns, outcomes, report
from workers.reading import decode, user_agents
from workers.rows import bygone, collapse, contexts, deliveries, findings, quarantine, receipts
from workers.stages import evaluate, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from storage.projects import project_settings
    from workers.noise import rules_file
    from workers.stages import state

_AT_ONCE: Final = 128
"""Payloads that are evaluated together: enough for each stage to have a run, few enough for the caches."""
_BYTES_AT_ONCE: Final = 262_144
"""Bytes of payloads after which no more are added to them: read, they take several times as much."""


class PipelineStage(NamedTuple):
    """One stage of the pipeline.

    Attributes:
        name: as ``headrace explain`` and the docs name it.
        function: does the stage's work.
        does: what that work is, in a sentence without a subject.
        of: ``payload``, ``report`` or ``batch``, which the stage works on; ``explain`` shows none of a batch
            but the last.
    """

    name: str
    function: Callable[..., object]
    does: str
    of: str


STAGES: Final = (
    PipelineStage(
        "decode", decode.decode, "Reads the body of a payload as JSON and finds the items in it.", "payload"
    ),
    *(PipelineStage(*stage, "report") for stage in table.STAGES),
    PipelineStage(
        "expiry", bygone.parted, "Leaves out reports of a time that retention has removed.", "batch"
    ),
    PipelineStage("user agent", user_agents.parse, "Names the browser and the system of a report.", "report"),
    PipelineStage(
        "limit", project_limits.apply, "Applies the cap on new variants, sampling and quotas.", "batch"
    ),
    PipelineStage(
        "collapse", collapse.Collapser.add, "Makes one row of equal reports within a dedupe window.", "batch"
    ),
)
"""All stages in their order, as ``headrace explain`` and the docs list them."""


class Tables(msgspec.Struct, frozen=True):
    """The rows and counts that a batch becomes.

    Σ found = Σ outcomes.quantity, and Σ seen of reports and archived = Σ outcomes.quantity of the accepted;
    so is Σ finding_days.seen, if the plan of the batch has findings.

    Attributes:
        reports: rows of ``reports_live``; times are in milliseconds since the epoch.
        archived: rows of ``reports_archive``, likewise.
        outcomes: rows of ``outcomes``; ``minute`` is in seconds since the epoch.
        quarantine: rows of ``quarantine``; times are in milliseconds.
        receipts: rows of ``receipts``, one for each entry.
        policies: rows of ``policies``; times are in milliseconds.
        finding_days: rows of ``finding_days``, none if the plan of the batch has no findings.
        policy_days: rows of ``policy_days``, likewise.
        months: by project, the months of the rows of ``reports``, as ``toYYYYMM()`` tells them.
        payloads: payloads by project id.
        found: reports found by project id, the invalid ones included; an unreadable payload counts as one.
        quarantined: rows of ``quarantine`` by project id, if they are numbered; those too for which a project
            has no room there.
        beyond: by project id, the rows of ``quarantine`` for which a project has no room there.
        sketches: the sketches of the rows of ``reports`` by project and finding, of projects that sample.
    """

    reports: columns.Columns
    archived: columns.Columns
    outcomes: columns.Columns
    quarantine: columns.Columns
    receipts: columns.Columns
    policies: columns.Columns
    finding_days: columns.Columns
    policy_days: columns.Columns
    months: dict[int, set[int]]
    payloads: dict[int, int]
    found: dict[int, int]
    quarantined: dict[int, int] = {}
    beyond: dict[int, int] = {}
    sketches: dict[int, dict[decisions.FindingDay, int]] = {}


def warm() -> None:
    """Load what is slow to load, so that processes that are forked from this one need not."""
    user_agents.warm()


def process(
    stream: int,
    entries: Sequence[envelope.Entry],
    plan: batch_plan.Plan,
    decider: project_limits.ProjectLimitDecider | None = None,
    common: rules_file.RulesFile | None = None,
) -> Tables:
    """Return the rows that a batch becomes. Never raises for anything a sender wrote.

    Equal bodies are evaluated once: most traffic is the same report again.

    Args:
        stream: number of the stream of the batch.
        entries: the entries of the batch.
        plan: the plan of the batch, decided when it was bound.
        decider: decides what the projects' limits let through; without one, they let through everything.
        common: the rules file that the plan names; None for the one that is shipped.

    Raises:
        RecoverableError: the decider cannot be reached.
        LeaseLostError: another drainer has the stream.
    """
    was_enabled = gc.isenabled()
    gc.disable()  # the cycle collector takes a third of the time: a batch only grows, and holds no cycle
    try:
        return _process(stream, entries, plan, decider, common)
    finally:
        if was_enabled:
            gc.enable()


def _process(
    stream: int,
    entries: Sequence[envelope.Entry],
    plan: batch_plan.Plan,
    decider: project_limits.ProjectLimitDecider | None,
    common: rules_file.RulesFile | None,
) -> Tables:
    shared = contexts.RowContexts(plan, common)
    batch = _Batch(plan, receipts.Receipts(stream, entries), shared, limited=decider is not None)
    for payload, received in deliveries.grouped(stream, entries):
        if plan.deleted and payload.project_id in plan.deleted:
            batch.drop(payload, received)
            continue
        healthy = batch.reject_poison(payload, received) if plan.poison else received
        fresh = batch.take_retries(payload, healthy) if plan.retries and payload.sender else healthy
        if fresh.each:
            batch.take(payload, fresh)
    batch.work_off()
    if decider is not None:
        batch.limit(decider, f"{stream}-{entries[0].id}" if entries else "")
    return batch.tables()


class _Task(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A payload that was received once or more, and the positions of its reports that are retries."""

    payload: envelope.Payload
    received: deliveries.Deliveries
    retries: tuple[int, ...]


class _Batch:
    """The work on one batch: everything it remembers ends with it."""

    def __init__(
        self, plan: batch_plan.Plan, traces: receipts.Receipts, shared: contexts.RowContexts, *, limited: bool
    ) -> None:
        self._plan = plan
        self._limited = limited
        self._sampled: set[int] = set()
        self._pending: dict[int, list[pending.PendingPayload]] = {}
        self._receipts = traces
        self._contexts = shared
        self._tasks: list[_Task] = []
        self._bytes = 0
        self._evaluations: list[evaluate.Evaluation] = []
        self._evaluated: dict[evaluate.EvaluationKey, int] = {}
        self._rows = collapse.Collapser()
        self._outcomes = outcomes.OutcomeCounts()
        self._quarantine = quarantine.Quarantine(numbered=plan.numbered)
        self._payloads: Counter[int] = Counter()
        self._found: Counter[int] = Counter()

    def drop(self, payload: envelope.Payload, received: deliveries.Deliveries) -> None:
        """Take note of a payload that nothing is stored of."""
        self._receipts.add(payload.project_id, received, {}, 0)
        self._payloads[payload.project_id] += len(received.each)

    def reject_poison(
        self, payload: envelope.Payload, received: deliveries.Deliveries
    ) -> deliveries.Deliveries:
        """Reject the deliveries of a payload that the plan calls poison, and return the others."""
        healthy, poisoned = received.parted(self._plan.poison)
        for error, delivery in poisoned:
            self._reject(payload, delivery, report.invalid(outcomes.Reason.POISON, error=error))
        return healthy

    def take_retries(
        self, payload: envelope.Payload, received: deliveries.Deliveries
    ) -> deliveries.Deliveries:
        """Take the deliveries of a payload that the plan says hold retries, and return the others."""
        fresh, repeated = received.parted(self._plan.retries)
        for positions, delivery in repeated:
            self.take(payload, delivery, positions)
        return fresh

    def take(
        self, payload: envelope.Payload, received: deliveries.Deliveries, retries: tuple[int, ...] = ()
    ) -> None:
        """Take a payload that was received once or more; it is processed when some have come together.

        Args:
            payload: the payload.
            received: the deliveries of the payload.
            retries: positions of those of its reports that were counted when they were sent first.
        """
        self._tasks.append(_Task(payload, received, retries))
        self._bytes += len(payload.body)
        if len(self._tasks) >= _AT_ONCE or self._bytes >= _BYTES_AT_ONCE:
            self.work_off()

    def work_off(self) -> None:
        """Process what was taken and is not processed yet."""
        tasks, self._tasks, self._bytes = self._tasks, [], 0
        shared = [self._contexts.of(task.payload) for task in tasks]
        evaluations = self._evaluate(tasks, shared)
        for task, context, evaluation in zip(tasks, shared, evaluations, strict=True):
            payload, received = task.payload, task.received
            if not context.reach:
                received = received.without_senders()
            self._quarantine.add(
                context.account, received, payload.body, evaluation.invalid, evaluation.whole
            )
            before_ms, window_ms = context.removed_before, context.window_ms
            for fresh, left in bygone.parted(evaluation, received, before_ms, window_ms):
                if context.limited and self._limited:
                    waiting = pending.PendingPayload(context, payload.user_agent, fresh, left)
                    self._pending.setdefault(payload.project_id, []).append(waiting)
                else:
                    self._keep(payload, context, fresh, left)
        self._rows.render()

    def limit(self, decider: project_limits.ProjectLimitDecider, seed: str) -> None:
        """Process what waits for the decisions on its projects' limits."""
        self._quarantine.limit(decider, lambda project_id: self._settings(project_id).quarantine_per_hour)
        for project_id, payloads in self._pending.items():
            settings = self._settings(project_id)
            if settings.sampling != "off":
                self._sampled.add(project_id)
            for group in project_limits.apply(project_id, settings, payloads, decider, seed):
                for occurrence in group.occurrences:
                    self._rows.add(group.context, group.received, occurrence)
                fingerprint = group.occurrences[0].finding.fingerprint if group.occurrences else 0
                self._count(group.context.account, group.received, group.outcome_counts, fingerprint)

    def _settings(self, project_id: int) -> project_settings.ProjectSettings:
        return self._plan.of(project_id).settings

    def tables(self) -> Tables:
        """Return the rows of everything that was taken."""
        reports = self._rows.reports()
        finding_days, policy_days = findings.finding_days(reports), findings.policy_days(reports)
        months = findings.months(finding_days)
        if not self._plan.findings:
            finding_days, policy_days = columns.emptied(finding_days), columns.emptied(policy_days)
        live, archived = self._rows.parted(reports)
        return Tables(
            reports=live,
            archived=archived,
            outcomes=self._outcomes.columns(),
            quarantine=self._quarantine.columns(),
            receipts=self._receipts.columns(),
            policies=self._rows.policies(),
            finding_days=finding_days,
            policy_days=policy_days,
            months=months,
            payloads=dict(self._payloads),
            found=dict(self._found),
            quarantined=dict(self._quarantine.quarantined),
            beyond=dict(self._quarantine.beyond),
            sketches=self._rows.sketches(self._sampled),
        )

    def _evaluate(self, tasks: list[_Task], shared: list[contexts.RowContext]) -> list[evaluate.Evaluation]:
        known, new, places = self._evaluated, [], []
        for task, context in zip(tasks, shared, strict=True):
            payload, rules = task.payload, context.rules
            matches, verbatim, charset = _told_by(payload.user_agent, payload.content_type, rules)
            key = evaluate.EvaluationKey(payload.body, rules, matches, task.retries, verbatim, charset)
            count = len(known)
            place = known.setdefault(key, count)
            places.append(place)
            if place == count:
                new.append(key)
        self._evaluations += evaluate.evaluate_payloads(new)
        return [self._evaluations[place] for place in places]

    def _keep(
        self,
        payload: envelope.Payload,
        context: contexts.RowContext,
        received: deliveries.Deliveries,
        evaluation: evaluate.Evaluation,
    ) -> None:
        """Count all that was found in a payload, and make rows of what was accepted."""
        for position, finding in evaluation.findings:
            found = finding.report
            agent = user_agents.parse(found.user_agent or payload.user_agent)
            self._rows.add(
                context, received, collapse.Occurrence(finding, agent, found.age, position, found.weight)
            )
        fingerprint = evaluation.findings[0][1].fingerprint if evaluation.findings else 0
        self._count(context.account, received, evaluation.outcome_counts, fingerprint)

    def _reject(
        self, payload: envelope.Payload, received: deliveries.Deliveries, rejection: report.Rejection
    ) -> None:
        self.work_off()  # rows are in the order of the stream
        context = self._contexts.of(payload)
        kept = received if context.reach else received.without_senders()
        self._quarantine.add(context.account, kept, payload.body, whole=rejection)
        self._count(context.account, received, {rejection.outcome_key: 1})

    def _count(
        self,
        account: outcomes.Account,
        received: deliveries.Deliveries,
        outcome_counts: dict[outcomes.OutcomeKey, int],
        fingerprint: int = 0,
    ) -> None:
        times = len(received.each)
        self._outcomes.add(received.counts_by_time, account, outcome_counts)
        self._receipts.add(account.project_id, received, outcome_counts, fingerprint)
        self._payloads[account.project_id] += times
        self._found[account.project_id] += times * sum(outcome_counts.values())


@functools.lru_cache(maxsize=2048)
def _told_by(
    user_agent: str, content_type: str, rules: state.EvaluationRules
) -> tuple[tuple[str, ...], bool, str]:
    """Return what the headers of a request tell of its body, in the order of ``evaluate.EvaluationKey``."""
    matches = noise.agent_matches_of(user_agent, rules.noise)
    return matches, impossible.reports_verbatim(user_agent), charsets.codec_of(content_type)
