"""The noise stage: reports that extensions, proxies and browsers cause are labelled, or dropped.

Labels are given by rules: those that are shipped (``rules.toml``), and a project's own, which come first.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import msgspec

from storage.projects import project_settings
from workers.noise import agent_matches, index, project_rules, rules, shipped

if TYPE_CHECKING:
    from workers.model import report


class Label(msgspec.Struct, frozen=True, gc=False):
    """Why a report is noise: its class and the stable id of the rule; both "" if it is none.

    Attributes:
        noise: the class.
        rule: the rule.
        dropped: whether the project drops such reports instead of storing them.
    """

    noise: str = ""
    rule: str = ""
    dropped: bool = False


NONE: Final = Label()


class NoiseRules(msgspec.Struct, frozen=True, eq=False):
    """The rules that say which reports of one project are noise.

    Attributes:
        indexes: lists of rules; the first rule that matches in the first list gives the label.
        labels: the labels they give, by id, without those of rules that the project switched off.
    """

    indexes: tuple[index.Index, ...]
    labels: dict[str, Label]


@functools.cache
def _shipped() -> index.Index:
    return index.Index(shipped.rules_in_order())


def rules_of(settings: project_settings.ProjectSettings) -> NoiseRules:
    """Return the noise rules that a project's settings ask for, without project rules that cannot be read."""
    return _rules(settings.noise_off, settings.noise_drop, settings.noise_rules)


def listed(settings: project_settings.ProjectSettings) -> list[rules.Rule]:
    """Return all rules of a project in their order, including those that it switched off."""
    return [*_readable(settings.noise_rules), *shipped.rules_in_order()]


def only(rule: rules.Rule) -> NoiseRules:
    """Return the noise rules of a project that has only this rule."""
    return NoiseRules((index.Index((rule,)),), {rule.id: Label(rule.noise, rule.id)})


@functools.lru_cache(maxsize=1024)
def _rules(off: tuple[str, ...], drop: tuple[str, ...], lines: tuple[str, ...]) -> NoiseRules:
    written = tuple(_readable(lines))
    labels = {
        rule.id: Label(rule.noise, rule.id, dropped=rule.id in drop or rule.noise in drop)
        for rule in (*shipped.rules_in_order(), *written)
        if rule.id not in off and rule.noise not in off
    }
    return NoiseRules((index.Index(written), _shipped()) if written else (_shipped(),), labels)


def _readable(lines: tuple[str, ...]) -> list[rules.Rule]:
    """Return the rules of lines that can be read: a wrong line must not stop a project's reports."""
    found = []
    for line in lines:
        try:
            found.append(project_rules.parse(line))
        except project_rules.RuleError:
            continue
    return found


def check(settings: project_settings.ProjectSettings) -> None:
    """Check the noise settings of a project.

    Raises:
        RuleError: the settings name an unknown class or rule, or one of the project rules is wrong.
    """
    written = [project_rules.parse(line).id for line in settings.noise_rules]
    if twice := next((name for name in written if written.count(name) > 1), None):
        raise project_rules.RuleError(f"Two of the project's own rules have the id {twice}.")
    known = {*rules.CLASSES, *shipped.by_id(), *rules.RETIRED, *written}
    for name in (*settings.noise_off, *settings.noise_drop):
        if name not in known:
            classes = ", ".join(rules.CLASSES)
            raise project_rules.RuleError(f"{name!r} is no rule and no class of noise, which are {classes}.")


DEFAULT: Final = rules_of(project_settings.ProjectSettings())

agent_matches_of = agent_matches.matches_of
"""Return the ids of the shipped rules whose conditions a user agent meets; nearly always none.

Evaluations are remembered by body and these matches, not by user agent, of which there are many.
"""


def label(
    found: report.Report,
    matches: tuple[str, ...] = (),
    wanted: NoiseRules = DEFAULT,
    *,
    impossible: bool = False,
    allowed: bool = False,
) -> Label:
    """Return the label of a report.

    Args:
        found: the report, scrubbed.
        matches: ids of the rules that the user agent of the report meets.
        wanted: the rules of its project.
        impossible: whether the reported policy allows what was blocked, and no redirect explains it.
        allowed: whether the reported policy at least allows the URL itself.
    """
    for listed in wanted.indexes:
        rule = listed.first(
            found, matches, wanted.labels, impossible=impossible, allowed=allowed or impossible
        )
        if rule is not None:
            return wanted.labels[rule.id]
    return NONE
