"""Reports as the stored rows tell them, so that noise rules can be evaluated on them again.

A row does not tell everything that a rule may ask for: not the user agent, not whether the policy allowed the
URL before both were cleaned, and of a collapsed report hardly anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers import noise
from workers.model import report
from workers.text import urls

if TYPE_CHECKING:
    from storage.tables import labels
    from workers.noise import rules, rules_file

_STORED_CONDITIONS: Final = frozenset(
    {
        "schemes",
        "hosts",
        "networks",
        "ports",
        "paths",
        "except_paths",
        "only",
        "pages",
        "embedded",
        "embeds_page",
        "kinds",
        "policies",
        "samples",
        "sample_starts",
        "directives",
        "nothing_blocked",
        "details",
        "everywhere",
        "truthful",
    }
)
"""Conditions of a rule that a stored row can answer; ``truthful`` only with yes, see below."""
TRUTHFUL_BROWSER: Final = "Firefox"
"""Rows of this browser had its word in their user agent; so had rows of some other browsers."""


def is_told(rule: rules.Rule) -> bool:
    """Return whether a stored row tells everything that a rule asks for."""
    return rule.conditions().keys() <= _STORED_CONDITIONS


def report_of(stored: labels.StoredFinding, policy: str = "") -> report.Report:
    """Return a stored row as a report: it is clean already, and lacks the facts that no row tells."""
    page = urls.stored(stored.document)
    return report.Report(
        kind=stored.kind,
        directive=stored.directive,
        blocked=urls.stored(stored.blocked),
        document=page if page.host else urls.URL("", stored.document_host, ""),
        source_file=urls.stored(stored.source_file),
        sample=stored.sample,
        policy=policy,
        details=dict.fromkeys(stored.details, ""),
    )


def signs_of(stored: labels.StoredFinding) -> noise.Signs:
    """Return the signs that a row tells: its label, that what an extension blocked was another's."""
    return noise.Signs(elsewhere=stored.noise_rule != "" and stored.blocked == stored.document != "")


def agent_matches(stored: labels.StoredFinding, common: rules_file.RulesFile) -> tuple[str, ...]:
    """Return the common rules on user agents that a row seems to match, by its browser and version.

    The rule that labels the row is among them: it saw the whole user agent.
    """
    matches = common.agent_matches.of(f"{stored.browser}/{stored.browser_version}")
    known = common.by_id.get(stored.noise_rule)
    return (*matches, known.id) if known and known.has_agent and known.id not in matches else matches
