"""The scrub stage: personal data and secrets are taken out of a report before it is stored.

The stage looks at one text at a time: at the name of its member and at its content. The columns and ``raw``
use the same functions. URLs lose user info, query and fragment; a URL that is not on the network loses all
but its scheme. E-mail addresses, card numbers, tokens and UUIDs are recognised by their form and replaced by
a placeholder, unless the project keeps them. ``docs/operate/privacy.md`` explains the rules to operators.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Final

import msgspec

from workers.scrub import links, masks, named, names
from workers.text import letters, spelling, urls

if TYPE_CHECKING:
    from storage.projects import project_settings
    from workers.model import report

_LONGEST_TEXT: Final = 1024
"""Characters of the longest text that is remembered."""
_ENTRIES: Final = 4096
"""How many texts are remembered, and as many URLs: some 4 MB each."""
_LONGEST_POLICY: Final = 16_384
_POLICIES: Final = 256
"""How many policies are remembered: some 4 MB."""

_SHORTEST_JWT: Final = 20

_INVISIBLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]+")
"""Characters that browsers skip in a URL, or that are invisible."""
_LONE: Final = re.compile(
    rf"(?-i:[^{letters.ALPHANUMERIC}]){{0,32}}?([A-Za-z][A-Za-z0-9+.-]*+):(?![0-9]{{1,5}}(?:[/?#:]|\Z))"
    rf"(?:[^\s\"'<>`]++(?-i:[^{letters.WORD}]){{0,8}}|(?:(?<=javascript:)|(?<=vbscript:)).++)",
    re.IGNORECASE | re.DOTALL,
)
"""A text that is nothing but a URL, maybe in quotes or brackets. A host and its port are none."""
_BRACKETS: Final = "\"'`<>()[]{} "
_KEPT: Final = frozenset({"about:blank", "about:srcdoc", *urls.VERBATIM})
"""URLs that say more than their scheme, and hold no secret."""
_USER_INFO: Final = re.compile(r"(//|\\\\)(?:[^/\\?#@]*+@)++(?:[/\\]*+(?:[^/\\?#@]*+@)++)*+")
"""User info after the slashes of a URL, and what looks like user info once that is gone."""
_FORGOTTEN: Final[report.Members] = {}
_IS_NETWORK: Final = re.compile(r"https?|wss?|ftp")


class ScrubRules(msgspec.Struct, frozen=True, eq=False):
    """The secrets that are scrubbed from one project's reports. Equal rules are one object.

    Attributes:
        kinds: the kinds of secrets that are masked, see ``masks.KINDS``.
        beside_digests: the kinds that are masked in members that hold digests, which look like tokens.
    """

    kinds: frozenset[str]
    beside_digests: frozenset[str]


@functools.cache
def _rules(kinds: frozenset[str]) -> ScrubRules:
    digests = {masks.DIGESTS} if masks.TOKENS in kinds else set()
    return ScrubRules(kinds, kinds | digests)


DEFAULT: Final = _rules(masks.KINDS)


def rules_of(settings: project_settings.ProjectSettings) -> ScrubRules:
    """Return what a project's settings ask for."""
    return _rules(masks.KINDS.difference(settings.scrub_off))


def apply(found: report.Report, rules: ScrubRules) -> report.Report:
    """Return the report as it may be stored. Hosts stay: they are what reports are about."""
    return msgspec.structs.replace(
        found,
        directive=_word(found.directive, rules),
        blocked=url(found.blocked, rules),
        document=url(found.document, rules),
        source_file=url(found.source_file, rules),
        sample=_texts(names.What.CODE, found.sample, rules) if found.sample else "",
        policy=_policies(names.What.POLICY, found.policy, rules) if found.policy else "",
        policy_sent="",
        sent=_FORGOTTEN,
        user_agent=_texts(names.What.TEXT, found.user_agent, rules) if found.user_agent else "",
        details=_members(found.details, rules) if found.details else found.details,
        moments=_members(found.moments, rules) if found.moments else found.moments,
    )


def member(name: str, value: str, rules: ScrubRules) -> str:
    """Return the text of a member of this name as it may be stored; "" if its name is private."""
    return text(names.what_is(name), value, rules)


def text(what: names.What, value: str, rules: ScrubRules) -> str:
    """Return a text as it may be stored.

    The time is linear in the length of the text: a microsecond for each character at most.

    Args:
        what: what the name of the member says of the text.
        value: the text.
        rules: the scrubbing rules of the project.
    """
    if what is names.What.POLICY:
        return (_policies if len(value) <= _LONGEST_POLICY else _scrubbed)(what, value, rules)
    return (_texts if len(value) <= _LONGEST_TEXT else _scrubbed)(what, value, rules)


def link(value: str, rules: ScrubRules) -> str:
    """Return a URL or a keyword as it may be stored, in a column too.

    A URL that cannot be parsed, such as a relative one, is cut like a text, and at its first ? or #.
    """
    sent = _INVISIBLE.sub("", value).strip()
    if sent.lower() in _KEPT:
        return sent.lower()
    found = urls.clean(sent)
    if found is urls.NONE:
        sent = spelling.plain(sent).partition("?")[0].partition("#")[0]
        sent = _USER_INFO.sub(r"\1", sent).strip()
        found = urls.clean(sent.strip(_BRACKETS))
    return text(names.What.TEXT, sent, rules) if found is urls.NONE else url(found, rules).text


def name(value: str, rules: ScrubRules) -> str:
    """Return the name of a member as it may be stored: anything may be a name."""
    return text(names.What.TEXT, value, rules)


@functools.lru_cache(maxsize=_ENTRIES)
def url(found: urls.URL, rules: ScrubRules) -> urls.URL:
    """Return a cleaned URL or keyword as it may be stored."""
    if not found.host:
        return urls.URL(_word(found.text, rules), "", "") if found.text else found
    if not masks.suspect(found.path):
        return found
    path = _path(found.path, rules)
    return urls.URL(found.text.removesuffix(found.path) + path, found.host, path)


def _path(path: str, rules: ScrubRules) -> str:
    """Return the path of a URL as it may be stored: an encoded ? or # may begin the query of another URL."""
    meant = spelling.plain(path)
    found = _settled(names.What.CODE, meant.partition("?")[0].partition("#")[0], rules)
    return path if found == meant else found


def _scrubbed(what: names.What, value: str, rules: ScrubRules) -> str:
    """Return a text as it may be stored: as it was sent, unless its plain spelling holds a secret."""
    if what is names.What.PRIVATE:
        return ""
    if what is names.What.LINK:
        return link(value, rules)
    is_policy = what is names.What.POLICY
    value = named.cut_nonces(value, is_policy=is_policy)
    if spelling.is_plain(value):
        return _settled(what, value, rules)
    meant = spelling.plain(value)
    found = _settled(what, named.cut_nonces(meant, is_policy=is_policy), rules)
    return value if found == meant else found


_texts: Final = functools.lru_cache(_ENTRIES)(_scrubbed)
_policies: Final = functools.lru_cache(_POLICIES)(_scrubbed)


def _settled(what: names.What, value: str, rules: ScrubRules) -> str:
    """Return a text as it may be stored, read twice: a placeholder may uncover a secret within a word."""
    found = _read(what, value, rules)
    return found if found == value else _read(what, found, rules)


def _read(what: names.What, value: str, rules: ScrubRules) -> str:
    """Return a text, plainly spelled, as it may be stored."""
    if what is names.What.DIGESTS:
        return masks.mask(links.cut(value), rules.beside_digests)
    if what is names.What.POLICY:
        return masks.mask(links.cut_policy(value), rules.kinds)
    if what is names.What.TEXT and ":" in value:
        if not value.isprintable() and _LONE.fullmatch(squeezed := _INVISIBLE.sub("", value)):
            value = squeezed
        if lone := _scheme_of(value):
            return lone if lone in _KEPT else _word(lone, rules)
    return masks.mask(links.cut(value), rules.kinds)


def _scheme_of(value: str) -> str:
    """Return the scheme of a text that is nothing but a URL, and leads nowhere on the network; else ""."""
    lone = _LONE.fullmatch(value)
    if lone is None:
        return ""
    if lone[0].lower() in _KEPT:
        return lone[0].lower()
    scheme = lone[1].lower()
    return "" if _IS_NETWORK.fullmatch(scheme) else scheme


@functools.lru_cache(maxsize=_ENTRIES)
def _word(value: str, rules: ScrubRules) -> str:
    """Return a keyword or the name of a type, which were put into lower case before."""
    if value.startswith("eyj") and masks.TOKENS in rules.kinds and len(value) >= _SHORTEST_JWT:
        return "{jwt}"
    return text(names.What.TEXT, value, rules)


def _members(members: dict[str, str], rules: ScrubRules) -> dict[str, str]:
    return {
        name: _texts(what, value, rules)
        for name, value in members.items()
        if (what := names.what_is(name)) is not names.What.PRIVATE
    }
