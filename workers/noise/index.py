"""The index of noise rules: finds the first rule that a report meets, mostly by looking answers up."""

from __future__ import annotations

import functools
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from workers import impossible as contradictions
from workers.noise import as_sent, attackers, policies, samples, url_index
from workers.text import urls

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from workers.model import report
    from workers.noise import rules

_NONE: Final = contradictions.Contradiction.NONE
_REMEMBERED: Final = 4096
_HANDLERS: Final = "script-src-attr"
"""Chromium names no source file of a handler that stands in the page (``onerror=``)."""
_OF_PAGES: Final = frozenset({"", "about", "blob", "data", "filesystem", "javascript", "null"})
"""Words for a page that is part of another page."""
_IN_APP: Final = "in-app"
_HERE: Final = "localhost"
"""The host of the pages of apps and of files: this machine."""
_LOCAL_NAMES: Final = (
    *(".corp", ".home", ".home.arpa", ".internal", ".intranet", ".lan", ".local", ".localdomain", ".private"),
    ".test",
)
"""Names that no registry sells (RFC 6761, RFC 6762 appendix G, RFC 8375): pages there are local."""
_BY_EXTENSIONS: Final = frozenset({"webkit-masked-url", "user-script"})
"""Source files of code that extensions and user scripts add, beside those of their own schemes."""
_NOTHING_AROUND: Final = (False, False, False)
"""The evidence about rules on URLs where the report meets none."""
_NO_SITE: Final = "nowhere.invalid"
"""A host that no policy names (RFC 2606 §2)."""
_NO_PORT: Final = 9
"""A port that no policy names (RFC 863)."""
_PASSIVE: Final = frozenset({"font-src", "img-src", "media-src"})
"""Directives about resources that neither run as code, nor are a page, nor are sent anywhere."""
_SCRIPTS: Final = (".js", ".mjs")


class _Evidence(NamedTuple):
    """All that rules ask of a report, which is the same for very many.

    Attributes:
        blocked: the rules that the blocked URL meets.
        source: the rules that the source file meets.
        said: the rules that the sample meets.
        mirrors: the rules that are about pages on the page's host.
        details: the details of the report that some rule asks for.
        agent_matches: ids of the rules that the user agent meets.
        by_extension: whether the source file is one of an extension or a user script.
        by_own_script: whether a script on the page's own host asked for what was blocked.
        embeds_page: whether the path of what was blocked names the page's own host.
        sent: ids of the rules whose conditions the report met as it was sent.
        kind: the kind of the report.
        home: the rules whose hosts or networks the page is on, or on another host of the same owner; the page
            of an app is on this machine, and so is any page on a local network.
        app: the scheme of the page if that is no page of the web: of an extension, an app or files; else "".
        directive: the effective directive.
        nothing_blocked: whether the report does not say what was blocked.
        own_blocked: whether what was blocked is on the page's own host, or of the same extension or app.
        own_source: whether the source file is.
        foreign: whether something on a host was blocked, which only its own rules may excuse.
        inserted: whether the report names no source file of the code, so that the page did not write it.
        impossible: whether the policy allows what is reported, and no redirect explains it.
        any_host: whether no redirect to a host explains the report; only for URLs on the page's own host.
    """

    blocked: url_index.Found
    source: url_index.Found
    said: url_index.Found
    mirrors: url_index.Found
    details: tuple[str, ...]
    agent_matches: tuple[str, ...]
    by_extension: bool
    by_own_script: bool
    embeds_page: bool
    sent: tuple[str, ...]
    kind: str
    home: url_index.Found
    app: str
    directive: str
    nothing_blocked: bool
    own_blocked: bool
    own_source: bool
    foreign: bool
    inserted: bool
    impossible: bool
    any_host: bool


class Index:
    """An ordered list of rules, of which the first that matches is found.

    Args:
        listed: the rules, the most specific first.

    Attributes:
        met_as_sent: returns the ids of the rules whose conditions a report meets as it was sent.
    """

    def __init__(self, listed: Sequence[rules.Rule]) -> None:
        self._order = {rule.id: position for position, rule in enumerate(listed)}
        self._url_index = url_index.URLIndex(listed)
        self._samples = samples.Samples(listed)
        self.met_as_sent = as_sent.SentIndex(listed, self._url_index).met
        self._policies = policies.Policies(listed)
        self._embedding = frozenset(rule for rule in listed if rule.embeds_page)
        self._by_id = {rule.id: rule for rule in listed}
        self._by_agent = {
            rule.id: rule for rule in listed if rule.has_agent and not (rule.has_url or rule.has_sample)
        }
        self._impossible = [rule for rule in listed if rule.impossible or rule.any_host]
        self._by_detail: dict[str, list[rules.Rule]] = defaultdict(list)
        for rule in listed:
            for name in rule.details:
                self._by_detail[name].append(rule)
        self._home = functools.lru_cache(_REMEMBERED)(self._at_home)
        self._matching = functools.lru_cache(_REMEMBERED)(self._all_matching)

    def first(  # noqa: PLR0913 - one parameter for what each stage found
        self,
        found: report.Report,
        agent_matches: tuple[str, ...],
        enabled: Container[str],
        signs: as_sent.Signs = as_sent.NONE,
        *,
        impossible: bool,
        allowed: bool,
    ) -> rules.Rule | None:
        """Return the first enabled rule that a report meets.

        Args:
            found: the report.
            agent_matches: ids of the rules whose conditions on the user agent it meets.
            enabled: ids of the rules that count.
            signs: what the report told before it was scrubbed.
            impossible: whether the reported policy allows what was blocked, and no redirect explains it.
            allowed: whether the reported policy at least allows the URL itself.
        """
        blocked = self._url_index.of_url(found.blocked)
        source = self._url_index.of_url(found.source_file)
        said = self._samples.of_sample(found.sample) if found.sample else ()
        details = self._named_in(found.details) if found.details else ()
        mirrors = self._url_index.of_page(found.document.host)
        told = blocked or source or said or mirrors or signs.met or allowed or details
        if not told and self._by_agent.keys().isdisjoint(agent_matches):
            return None
        met = (blocked, source, said, mirrors, details, agent_matches)
        around = self._around(found, blocked) if blocked or source else _NOTHING_AROUND
        matching = self._matching(*met, *around, *self._about(found, signs, impossible, allowed))
        for rule in matching:
            if rule.id in enabled:
                return rule
        return None

    def own_policy(self, policy: str, page: str) -> policies.OwnPolicy | None:
        """Return a policy as the site sent it; None if it is as it was reported.

        A page may list hosts of its own.
        """
        own = self._policies.own(policy)
        if own is None or any(self._by_id[met] in self._home(page) for met in own.rules):
            return None
        return own

    def _around(self, found: report.Report, met: url_index.Found) -> tuple[Any, ...]:
        """Return the evidence about rules on URLs, in the order of ``_Evidence``."""
        source, host, embeds = found.source_file, found.document.host, False
        if not self._embedding.isdisjoint(met):
            embeds = url_index.embeds(found.blocked.path, host)
        by_extension = is_extension(source.text) or source.text in _BY_EXTENSIONS
        return by_extension, source.host == host != "" and source.path.endswith(_SCRIPTS), embeds

    def _about(
        self,
        found: report.Report,
        signs: as_sent.Signs,
        impossible: bool,  # noqa: FBT001 - keywords cost time on a hot path
        allowed: bool,  # noqa: FBT001
    ) -> tuple[Any, ...]:
        """Return the evidence that does not hang on single rules, in the order of ``_Evidence``."""
        host, blocked, source = found.document.host, found.blocked, found.source_file
        app = ""
        if host:
            own_blocked, own_source = blocked.host == host, source.host == host
        else:
            app = "" if found.document.text in _OF_PAGES else found.document.text
            own_blocked = app != "" and blocked.text == app and not signs.elsewhere
            own_source = app != "" and source.text == app
        return (
            signs.met,
            found.kind,
            self._home(host or (_HERE if app else "")),
            app,
            found.directive,
            not blocked.text,
            own_blocked,
            own_source,
            _is_foreign(blocked),
            not source.text and found.directive != _HANDLERS,
            impossible,
            host != "" and own_blocked and (impossible or (allowed and _allows_any_host(found))),
        )

    def _at_home(self, page: str) -> url_index.Found:
        """Return the rules whose hosts or networks a page is on, or beside, by its host."""
        is_local = page != "" and ("." not in page or page.endswith(_LOCAL_NAMES)) and ":" not in page
        near = self._url_index.of_host(_HERE) if is_local or url_index.is_private(page) else ()
        return self._url_index.of_host(page) + self._url_index.of_site(page) + near

    def _named_in(self, details: dict[str, str]) -> tuple[str, ...]:
        return tuple(name for name in self._by_detail if name in details)

    def _all_matching(self, *parts: Any) -> list[rules.Rule]:  # noqa: ANN401 - the parts of the evidence
        """Return all rules that match, in their order."""
        evidence = _Evidence(*parts)
        candidates = {*evidence.blocked, *evidence.source, *evidence.said, *evidence.mirrors}
        candidates.update(self._by_id[met] for met in evidence.sent if met in self._by_id)
        candidates.update(
            self._by_agent[match] for match in evidence.agent_matches if match in self._by_agent
        )
        candidates.update(rule for name in evidence.details for rule in self._by_detail[name])
        if evidence.impossible or evidence.any_host:
            candidates.update(self._impossible)
        matching = [rule for rule in candidates if _matches(rule, evidence)]
        return sorted(matching, key=lambda rule: self._order[rule.id])


def _matches(rule: rules.Rule, evidence: _Evidence) -> bool:
    return (
        (not rule.pages or rule in evidence.mirrors)
        and (not rule.kinds or evidence.kind in rule.kinds)
        and (not rule.has_url or _at_url(rule, evidence))
        and (not rule.queries or rule.id in evidence.sent)
        and (not rule.source_starts or _from_source(rule, evidence))
        and (not rule.has_sample or _in_sample(rule, evidence))
        and (not rule.has_agent or rule.id in evidence.agent_matches)
        and (not rule.details or any(name in rule.details for name in evidence.details))
        and (not rule.directives or evidence.directive in rule.directives)
        and (evidence.nothing_blocked or not rule.nothing_blocked)
        and (evidence.impossible or not rule.impossible)
        and (evidence.any_host or not rule.any_host)
        # Every report on frame-ancestors is about the page's own host: the page is what may not be embedded.
        and (not rule.own_host or (evidence.own_blocked and evidence.directive != "frame-ancestors"))
    )


def _in_sample(rule: rules.Rule, evidence: _Evidence) -> bool:
    """Return whether the sample holds what the rule looks for, and no attacker can have written it.

    Code that an attacker writes into a page is reported with the page as its source file.
    """
    if rule not in evidence.said or is_extension(evidence.app):
        return False
    return rule.has_url or bool(rule.source_starts) or (evidence.inserted and not evidence.foreign)


def _from_source(rule: rules.Rule, evidence: _Evidence) -> bool:
    """Return whether the source file begins as the rule asks; it excuses no more than other source files."""
    is_free = not (evidence.foreign or is_extension(evidence.app)) or rule.id in evidence.agent_matches
    return rule.id in evidence.sent and (rule.has_url or is_free)


def _at_url(rule: rules.Rule, evidence: _Evidence) -> bool:
    """Return whether a URL of the report is one that the rule asks for, and is foreign to the page.

    The source file excuses no resource that was to come from a host, or to be sent there: in Chromium, code
    names its own file as it likes (``//# sourceURL=``). A resource that a script of the site asked for is one
    that the site embeds.
    """
    blocked = (
        rule in evidence.blocked or (rule.is_loose and rule.id in evidence.sent)
    ) and rule.only != "source_file"
    blocked = blocked and not (evidence.by_own_script and evidence.foreign)
    blocked = blocked and (evidence.by_extension or not rule.embedded)
    blocked = blocked and (evidence.embeds_page or not rule.embeds_page)
    source = rule in evidence.source and rule.only != "blocked" and not _is_about_blocked(rule)
    source = source and (not evidence.foreign or rule.id in evidence.agent_matches)
    if rule.everywhere and rule.is_placed:
        return blocked or source
    if rule in evidence.home or (is_extension(evidence.app) and not rule.is_bare):
        return False
    if rule.noise == _IN_APP and evidence.app:
        return False
    return (blocked and not evidence.own_blocked) or (source and not evidence.own_source)


def _is_about_blocked(rule: rules.Rule) -> bool:
    """Return whether the rule asks for something that only a blocked URL has."""
    return rule.embedded or rule.embeds_page or bool(rule.queries)


def is_extension(scheme: str) -> bool:
    """Return whether this is the scheme of the extensions of a browser."""
    return scheme.endswith("-extension")


def _is_foreign(blocked: urls.URL) -> bool:
    """Return whether something on a host was blocked, even if only the scheme or the host is reported."""
    return blocked.host != "" or "." in blocked.text or blocked.text in attackers.NETWORK_SCHEMES


def _allows_any_host(found: report.Report) -> bool:
    """Return whether the policy allows a host and a port that it cannot name, by the scheme of the page.

    A page with ``https:`` loads nothing by other schemes. The answer is always no for scripts, frames, forms
    and the like: a redirect of those may be an attack. The policy is read as it is stored, so that the label
    of a stored report is the one that it got when it came.
    """
    if found.directive not in _PASSIVE:
        return False
    scheme = found.document.text.partition(":")[0]
    elsewhere = urls.URL(f"{scheme}://{_NO_SITE}:{_NO_PORT}/", _NO_SITE, "/")
    text = found.policy.replace("…", "x")  # for which nonces were replaced
    return contradictions.compare(text, found.directive, elsewhere, found.document) is not _NONE
