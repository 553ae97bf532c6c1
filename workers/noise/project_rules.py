"""Project rules, one line of text each: ``ID CLASS CONDITION…``.

    chat-widget extension host=.chat.example path=/widget/
    old-banner injected sample=showBanner in=blocked

A condition is ``scheme=``, ``host=``, ``path=``, ``page=``, ``source=``, ``sample=``, ``begins=``,
``directive=`` or ``kind=``; repeated, one of its values must hold, but each ``query=`` must. A path needs a
host beside it, or ``query=`` or ``embeds=page``. ``in=blocked`` or ``in=source_file`` looks at that URL only.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from workers.model import outcomes
from workers.noise import attackers, rules
from workers.text import letters, urls

if TYPE_CHECKING:
    from collections.abc import Callable

ORIGIN: Final = "the project"
_MAX_RULE: Final = 512
"""Characters: a longer line is a list that wants several rules."""
MAX_STARS: Final = 2
"""Stars in a path: with each more, comparing a long path takes longer."""

_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]{0,63}")
_LETTERS: Final = re.compile(f"[{letters.WORD}]{{2}}")
_DIRECTIVE: Final = re.compile(r"[a-z-]{1,64}")
_MEMBER: Final = re.compile(r"[A-Za-z0-9_.\[\]-]{1,64}")
_SECOND_LEVEL: Final = frozenset({"ac", "co", "com", "edu", "gov", "ne", "net", "or", "org"})
"""Labels under which a country's registry sells names: ``.co.uk`` is as broad as ``.com``."""
_COUNTRY: Final = 2
_MIN_PREFIX: Final = 8

RuleError = attackers.RuleError


@functools.lru_cache(maxsize=4096)
def parse(line: str) -> rules.Rule:
    """Return the rule that a line of text is.

    Raises:
        RuleError: the line is no rule.
    """
    if len(line) > _MAX_RULE:
        raise RuleError(f"A rule has at most {_MAX_RULE} characters.")
    head, conditions = _split(line.split())
    if len(head) != 2:  # noqa: PLR2004 - id and class
        raise RuleError(f"A rule is written ID CLASS CONDITION…, not {line!r}.")
    name, noise = head
    return _checked(_rule(name, noise, conditions))


def parse_conditions(line: str) -> rules.Rule:
    """Return the rule that a line of text is, of which id and class may be left out.

    Raises:
        RuleError: the line is no rule.
    """
    head, _ = _split(line.split())
    return parse(line if head else f"new injected {line}")


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    head = [word for word in words[:2] if "=" not in word]
    return head, words[len(head) :]


def _rule(name: str, noise: str, conditions: list[str]) -> rules.Rule:
    if not _ID.fullmatch(name):
        raise RuleError(f"A rule's id has 1 to 64 of a-z, 0-9 and -, unlike {name!r}.")
    if name in set(outcomes.Reason):
        raise taken(name)
    if noise not in rules.CLASSES:
        raise RuleError(f"A rule's class is one of {', '.join(rules.CLASSES)}, not {noise!r}.")
    given: dict[str, list[str]] = {}
    for condition in conditions:
        field, value = _condition(condition)
        given.setdefault(field, []).append(value)
    only = given.pop("only", [""])
    embeds = given.pop("embeds_page", None)
    members: dict[str, Any] = {field: tuple(values) for field, values in given.items()}
    return rules.Rule(
        id=name,
        noise=noise,
        origin=ORIGIN,
        only=msgspec.convert(only[-1], Any),
        embeds_page=embeds is not None,
        everywhere=True,
        **members,
    )


def _condition(condition: str) -> tuple[str, str]:
    """Return the field of a rule and the value that a condition asks for."""
    key, equals, value = condition.partition("=")
    reading = _READINGS.get(key) if equals else None
    if reading is None:
        known = ", ".join(f"{known}=" for known in _READINGS)
        raise RuleError(f"A condition is one of {known}, unlike {condition!r}.")
    return reading(value)


def _scheme(value: str) -> tuple[str, str]:
    scheme = value.lower()
    if not _SCHEME.fullmatch(scheme):
        raise RuleError(f"A scheme is a name such as moz-extension, unlike {value!r}.")
    return "schemes", scheme


def taken(name: str) -> RuleError:
    """Return the error of a project rule whose id means something else already."""
    return RuleError(f"The id {name} is taken: choose another.")


def _host(value: str) -> tuple[str, str]:
    if "/" in value:
        return "networks", _network(value)
    return "hosts", host_of(value)


def host_of(value: str) -> str:
    """Return a host as rules hold it, in lower case; with a leading dot it means all below it too.

    Raises:
        RuleError: it is no host, or all of a registry.
    """
    bare = value.removeprefix("*").removeprefix(".")
    name = urls.host(bare)
    if not name or "*" in name:
        raise RuleError(f"A host is a name, with a leading dot for all below it too, unlike {value!r}.")
    if bare == value:
        return name
    *_, above, last = ["", *name.split(".")]
    if not above or (above in _SECOND_LEVEL and len(last) == _COUNTRY and name == f"{above}.{last}"):
        raise RuleError(f"{value} is far too broad: a rule may not match a whole registry.")
    return f".{name}"


def _network(value: str) -> str:
    try:
        network = ipaddress.ip_network(value)
    except ValueError as error:
        raise RuleError(f"A network is written as 10.0.0.0/8: {error}.") from None
    if network.prefixlen < _MIN_PREFIX:
        raise RuleError(f"{value} is far too broad: a network has a prefix of at least {_MIN_PREFIX} bits.")
    return str(network)


def _path(value: str) -> tuple[str, str]:
    if not value.startswith(("/", "*")) or value.count("*") > MAX_STARS or re.search(r"[?#\s]", value):
        raise RuleError(f"A path begins with / or * and has at most {MAX_STARS} of *, unlike {value!r}.")
    return "paths", value


def _sample(value: str) -> tuple[str, str]:
    if not _LETTERS.search(value):
        raise RuleError(f"A sample is an identifier, or code with one, unlike {value!r}.")
    return "samples", value


def _directive(value: str) -> tuple[str, str]:
    if not _DIRECTIVE.fullmatch(value):
        raise RuleError(f"A directive is a name such as img-src, unlike {value!r}.")
    return "directives", value


def _page(value: str) -> tuple[str, str]:
    return "pages", host_of(value)


def _query(value: str) -> tuple[str, str]:
    if not _MEMBER.fullmatch(value):
        raise RuleError(f"A query= is the name of one of its members, unlike {value!r}.")
    return "queries", value


def _source(value: str) -> tuple[str, str]:
    return "source_starts", value


def _begins(value: str) -> tuple[str, str]:
    return "sample_starts", value


def _kind(value: str) -> tuple[str, str]:
    if not _DIRECTIVE.fullmatch(value):
        raise RuleError(f"A kind is a name such as coep, unlike {value!r}.")
    return "kinds", value


def _embeds(value: str) -> tuple[str, str]:
    if value != "page":
        raise RuleError(f"A rule says embeds=page or nothing, not {value!r}.")
    return "embeds_page", value


def _in(value: str) -> tuple[str, str]:
    if value not in {"blocked", "source_file"}:
        raise RuleError(f"A rule looks in=blocked or in=source_file, not {value!r}.")
    return "only", value


_READINGS: Final[dict[str, Callable[[str], tuple[str, str]]]] = {
    "scheme": _scheme,
    "host": _host,
    "path": _path,
    "query": _query,
    "embeds": _embeds,
    "page": _page,
    "source": _source,
    "sample": _sample,
    "begins": _begins,
    "directive": _directive,
    "kind": _kind,
    "in": _in,
}


def _checked(rule: rules.Rule) -> rules.Rule:
    """Refuse a rule whose conditions hold for nearly every report, or for what an attacker likes."""
    if not (rule.has_url or rule.has_sample or rule.pages or rule.source_starts):
        raise RuleError(
            f"{rule.id} matches everything: it needs a scheme=, host=, page=, source= or sample=."
        )
    attackers.require_unforgeable(rule)
    return rule
