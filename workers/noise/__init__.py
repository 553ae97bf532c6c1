"""The noise stage: reports that extensions, proxies and browsers cause are labelled, or dropped.

Labels are given by rules: those that are shipped (``rules.toml``), and a project's own, which come first.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

import msgspec

from storage.projects import project_settings
from workers.noise import as_sent, index, project_rules, rules, rules_file, shipped

if TYPE_CHECKING:
    from collections.abc import Container

    from workers.model import report
    from workers.noise import policies


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

Signs = as_sent.Signs
NO_SIGNS: Final = as_sent.NONE


class NoiseRules(msgspec.Struct, frozen=True, eq=False):
    """The rules that say which reports of one project are noise.

    Attributes:
        indexes: lists of rules; the first rule that matches in the first list gives the label.
        labels: the labels they give, by id, without those of rules that the project switched off.
        common: the rules file whose rules are among them.
    """

    indexes: tuple[index.Index, ...]
    labels: dict[str, Label]
    common: rules_file.RulesFile


def rules_of(
    settings: project_settings.ProjectSettings, common: rules_file.RulesFile | None = None
) -> NoiseRules:
    """Return the noise rules that a project's settings ask for, without project rules that cannot be read.

    Args:
        settings: the settings of the project.
        common: the rules file in force; None for the one that is shipped.
    """
    return _rules(
        settings.noise_off,
        settings.noise_drop,
        settings.noise_rules,
        common or shipped.file(),
        owns=bool(settings.allowed_origins),
    )


def own_rules(settings: project_settings.ProjectSettings, common: rules_file.RulesFile) -> list[rules.Rule]:
    """Return a project's own rules, without those that cannot be read beside a rules file.

    A wrong line must not stop a project's reports. A rule whose id a common rule has is left out, because a
    row tells its rule by the id alone.
    """
    found = []
    for line in settings.noise_rules:
        try:
            rule = project_rules.parse(line)
        except project_rules.RuleError:
            continue
        if rule.id not in common.by_id:
            found.append(rule)
    return found


def listed(
    settings: project_settings.ProjectSettings, common: rules_file.RulesFile | None = None
) -> list[rules.Rule]:
    """Return all rules of a project in their order, including those that it switched off."""
    common = common or shipped.file()
    return [*own_rules(settings, common), *common.rules]


def only(rule: rules.Rule) -> NoiseRules:
    """Return the noise rules of a project that has only this rule."""
    alone = rules_file.RulesFile("", "", (rule,))
    return NoiseRules((alone.index,), {rule.id: Label(rule.noise, rule.id)}, alone)


@functools.lru_cache(maxsize=1024)
def _rules(
    off: tuple[str, ...],
    drop: tuple[str, ...],
    lines: tuple[str, ...],
    common: rules_file.RulesFile,
    *,
    owns: bool,
) -> NoiseRules:
    """Return the rules of a project; one that owns the pages that it takes reports of has no mirror."""
    written = own_rules(project_settings.ProjectSettings(noise_rules=lines), common)
    known = [rule for rule in common.rules if not (owns and rule.pages)]
    labels = {
        rule.id: Label(rule.noise, rule.id, dropped=_is_dropped(rule, drop))
        for rule in (*known, *written)
        if rule.id not in off and rule.noise not in off
    }
    indexes = (index.Index(written), common.index) if written else (common.index,)
    return NoiseRules(indexes, labels, common)


def _is_dropped(rule: rules.Rule, drop: tuple[str, ...]) -> bool:
    """Return whether a project drops what the rule labels: a loose rule must be named itself."""
    return rule.id in drop or (rule.noise in drop and not rule.is_loose)


def check(settings: project_settings.ProjectSettings, known: Container[str] = ()) -> None:
    """Check the noise settings of a project.

    Args:
        settings: the settings.
        known: ids of common rules beside those that are shipped.

    Raises:
        RuleError: the settings name an unknown class or rule, or one of the project rules is wrong.
    """
    written = [project_rules.parse(line).id for line in settings.noise_rules]
    if twice := next((name for name in written if written.count(name) > 1), None):
        raise project_rules.RuleError(f"Two of the project's own rules have the id {twice}.")
    if taken := next((name for name in written if name in shipped.by_id() or name in known), None):
        raise project_rules.taken(taken)
    names = {*rules.CLASSES, *shipped.by_id(), *rules.RETIRED, *written}
    for name in (*settings.noise_off, *settings.noise_drop):
        if name not in names and name not in known:
            classes = ", ".join(rules.CLASSES)
            raise project_rules.RuleError(f"{name!r} is no rule and no class of noise, which are {classes}.")


DEFAULT: Final = rules_of(project_settings.ProjectSettings())


def agent_matches_of(user_agent: str, wanted: NoiseRules = DEFAULT) -> tuple[str, ...]:
    """Return the ids of the common rules whose conditions a user agent meets; nearly always none.

    Evaluations are remembered by body and these matches, not by user agent, of which there are many.
    """
    return wanted.common.agent_matches.of(user_agent)


def signs_of(found: report.Report, wanted: NoiseRules = DEFAULT) -> as_sent.Signs:
    """Return what a report tells of noise that it will not tell any more once it is scrubbed."""
    if not found.sent:
        return as_sent.NONE
    met: as_sent.Ids = ()
    for listed in wanted.indexes:
        met += listed.met_as_sent(found)
    page = found.document
    elsewhere = not page.host and index.is_extension(page.text) and as_sent.is_of_another(found)
    return as_sent.Signs(met, elsewhere) if met or elsewhere else as_sent.NONE


def own_policy(policy: str, page: str = "", wanted: NoiseRules = DEFAULT) -> policies.OwnPolicy | None:
    """Return a policy as the site sent it, and the common rules that tell so; None if nothing was added.

    Args:
        policy: the policy as it was reported.
        page: the host of the page.
        wanted: the rules of the project.
    """
    return wanted.indexes[-1].own_policy(policy, page)


def label(  # noqa: PLR0913 - one parameter for what each stage found
    found: report.Report,
    matches: tuple[str, ...] = (),
    wanted: NoiseRules = DEFAULT,
    signs: as_sent.Signs = as_sent.NONE,
    *,
    impossible: bool = False,
    allowed: bool = False,
) -> Label:
    """Return the label of a report.

    Args:
        found: the report, scrubbed.
        matches: ids of the rules that the user agent of the report meets.
        wanted: the rules of its project.
        signs: what it told before it was scrubbed.
        impossible: whether the reported policy allows what was blocked, and no redirect explains it.
        allowed: whether the reported policy at least allows the URL itself.
    """
    for listed in wanted.indexes:
        rule = listed.first(
            found, matches, wanted.labels, signs, impossible=impossible, allowed=allowed or impossible
        )
        if rule is not None:
            return wanted.labels[rule.id]
    return NONE
