"""The noise label that a report gets, as text."""

from __future__ import annotations

import json

from tests.helpers import payloads
from workers import noise
from workers.stages import evaluate, state


def rule_of(item: object, *, agent: str = payloads.CHROME, wanted: noise.NoiseRules = noise.DEFAULT) -> str:
    """Return the rule that the only report of a payload meets, after its class."""
    (evaluated,) = evaluate.evaluate_payload(
        json.dumps(item).encode(), state.EvaluationRules(noise=wanted), noise.agent_matches_of(agent)
    ).findings
    label = evaluated[1].label
    return f"{label.noise} {label.rule}".strip()
