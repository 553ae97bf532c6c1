"""Candidates for noise that no rule knows: what is reported of many unrelated pages, by few people.

Nothing here makes a rule. Anybody can send reports like these: their number proves nothing, and a forger
with many addresses looks like many people. A person decides.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from deploy.noise import spread
from storage.projects import project_settings
from storage.servers import sql
from workers import noise
from workers.model import report
from workers.noise import attackers, project_rules, url_index
from workers.text import urls

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Iterator, Sequence

    from storage.servers import clickhouse
    from workers.noise import rules_file

_SQL: Final = sql.beside(__name__)

PAGES: Final = 5
"""Fewest pages of a candidate: what is reported of fewer is about those pages."""
_MOST: Final = 200
_SLUG: Final = re.compile(r"[^a-z0-9]+")
_SOURCE: Final = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?(\*?\.?[a-z0-9.-]+\.[a-z0-9-]+)(?::[\d*]+)?(?:/.*)?")
_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][\w$]{7,}")
_WRITTEN: Final = ("inline", "eval", "wasm-eval", "self", "data", "blob", "filesystem", "javascript", "about")

What = tuple[str, str]
"""Kind (``host``, ``source``, ``scheme``, ``sample``) and name of a candidate."""


class Suggestion(NamedTuple):
    """A candidate, and what a person needs to decide about it.

    Attributes:
        kind: ``host`` that was blocked, host of the ``source`` file, ``scheme`` or bare word, or ``sample``.
        name: the host, the scheme or the sample.
        facts: what the reports say.
        doubts: sentences why it may be real after all; none if everything looks like an extension.
        rule: a rule of the project's own that would match it; "" where no rule can be.
    """

    kind: str
    name: str
    facts: spread.Facts
    doubts: tuple[str, ...]
    rule: str


class _Site(NamedTuple):
    """The site of a project, as all its reports tell."""

    pages: int
    people: dict[dt.date, int]
    bases: frozenset[str]
    allowed: frozenset[str]


def find(
    server: clickhouse.Connection,
    project_id: int,
    since: dt.datetime,
    taken: Collection[str],
    common: rules_file.RulesFile,
) -> list[Suggestion]:
    """Return the candidates of a project, those without doubts first, those of most people and pages first.

    Args:
        server: a connection.
        project_id: the project.
        since: the day from which on reports are looked at.
        taken: ids that rules have already.
        common: the rules file in force: what its rules know is no candidate, though a project left them out,
            or reports came before they did.
    """
    where: dict[str, object] = {
        "project_id": project_id,
        "since": round(since.timestamp()),
        "written": list(_WRITTEN),
    }
    rows = server.execute(_SQL["candidates"], {**where, "pages": PAGES, "most": _MOST})
    site = _site(server, where)
    rows = [row for row in rows if not _is_own(row[0], site)]
    if not rows:
        return []
    facts = _facts(server, where, rows, site)
    found = [
        _suggestion(what, facts[what], taken) for what in facts if not _is_known(what, facts[what], common)
    ]
    return sorted(found, key=lambda one: len(one.doubts) > 0)


def _is_known(what: What, facts: spread.Facts, common: rules_file.RulesFile) -> bool:
    """Return whether a common rule labels what is typical of a candidate."""
    kind, name = what
    source = {"source": f"https://{name}/", "scheme": name}.get(kind, "")
    typical = report.Report(
        kind="csp",
        directive=facts.directives[0],
        blocked=urls.stored(facts.blocked),
        document=urls.stored(facts.document),
        source_file=urls.stored(source),
        sample=name if kind == "sample" else "",
    )
    wanted = noise.rules_of(project_settings.ProjectSettings(), common)
    return noise.label(typical, wanted=wanted).rule != ""


def _site(server: clickhouse.Connection, where: dict[str, object]) -> _Site:
    ((pages, _),) = server.execute(_SQL["site"], where)
    people = dict(server.execute(_SQL["site_people"], where))
    hosts = [host for (host,) in server.execute(_SQL["own_hosts"], where)]
    texts = [text for (text,) in server.execute(_SQL["policies"], where)]
    return _Site(
        pages,
        {day: reach for day, reach in people.items() if reach},
        frozenset(map(url_index.base_of, hosts)),
        frozenset(host for text in texts for host in allowed_hosts(text)),
    )


def _is_own(what: What, site: _Site) -> bool:
    """Return whether a candidate is the site's own, or something that its policies allow somewhere."""
    kind, name = what
    if kind not in {"host", "source"}:
        return False
    if url_index.base_of(name) in site.bases:
        return True
    return any(
        name == host.removeprefix("*.") or (host.startswith("*.") and name.endswith(host[1:]))
        for host in site.allowed
    )


def allowed_hosts(policy: str) -> Iterator[str]:
    """Yield the hosts that a policy allows for anything; ``*.`` stands before those with all below them."""
    for word in policy.lower().replace(";", " ").split():
        if match := _SOURCE.fullmatch(word):
            yield match[1]


def _facts(
    server: clickhouse.Connection, where: dict[str, object], rows: Sequence[Any], site: _Site
) -> dict[What, spread.Facts]:
    names = {**where, "names": [row[0] for row in rows]}
    people: dict[What, dict[dt.date, int]] = defaultdict(dict)
    for what, day, reach in server.execute(_SQL["people"], names):
        people[what][day] = reach or 0
    browsers: dict[What, dict[str, int]] = defaultdict(dict)
    for what, browser, reports in server.execute(_SQL["browsers"], names):
        browsers[what][browser] = reports
    tops = {what: (share, document) for what, share, document in server.execute(_SQL["of_pages"], names)}
    usual = _usual_shares(server, where, {document for _, document in tops.values()})
    return {
        what: spread.Facts(
            reports=reports,
            people=max(people[what].values(), default=0),
            people_share=spread.greatest_share(people[what], site.people),
            pages=pages,
            pages_share=pages / max(pages, site.pages),
            top_page_share=tops[what][0],
            top_page_usual=usual.get(tops[what][1], 0.0),
            days=days,
            browsers=browsers[what],
            first_seen=first,
            last_seen=last,
            directives=tuple(directives),
            blocked=blocked,
            document=document,
        )
        for what, pages, days, reports, first, last, directives, blocked, document in rows
    }


def _usual_shares(
    server: clickhouse.Connection, where: dict[str, object], documents: set[str]
) -> dict[str, float]:
    """Return the share that some pages have of all the site's reports."""
    ((_, reports),) = server.execute(_SQL["site"], where)
    found = server.execute(_SQL["site_pages"], {**where, "documents": sorted(documents)})
    return {document: times / max(1, reports) for document, times in found}


def _suggestion(what: What, facts: spread.Facts, taken: Collection[str]) -> Suggestion:
    kind, name = what
    rule, refusal = rule_of(kind, name, taken)
    doubts = spread.doubts(facts)
    return Suggestion(kind, name, facts, (*doubts, refusal) if refusal else doubts, rule)


def rule_of(kind: str, name: str, taken: Collection[str]) -> tuple[str, str]:
    """Return a rule of the project's own that matches a candidate, or why there can be none."""
    condition = {
        "host": f"host={name} in=blocked",
        "source": f"host={name} in=source_file",
        "scheme": f"scheme={name}",
        "sample": f"sample={_telling(name)}",
    }[kind]
    noise = "extension" if "extension" in name else "injected"
    line = f"{_free(_SLUG.sub('-', name.lower()).strip('-')[:40] or kind, taken)} {noise} {condition}"
    try:
        project_rules.parse(line)
    except attackers.RuleError as error:
        return "", f"No rule can match it alone: {error}"
    return line, ""


def _telling(sample: str) -> str:
    """Return the longest identifier of a sample."""
    return max(_IDENTIFIER.findall(sample), key=len, default="")


def _free(slug: str, taken: Collection[str]) -> str:
    return slug if slug not in taken else f"{slug}-own"


def plain(found: Suggestion) -> dict[str, Any]:
    """Return a suggestion for programs."""
    return {
        "kind": found.kind,
        "name": found.name,
        **found.facts._asdict(),
        "doubts": found.doubts,
        "rule": found.rule,
    }
