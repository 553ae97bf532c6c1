"""The column ``raw``: one original report of a row as JSON, of which all that may be stored is kept.

Each member is read, scrubbed by the rules of the columns and written anew. No pattern is searched in the text
of the JSON, so that no spelling hides a secret. The result for a member is remembered by its bytes.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from workers import scrub
from workers.model import memo
from workers.reading import values
from workers.scrub import masks, names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from workers.model import report

MAX_DEPTH: Final = 64
"""Objects and arrays within one another that are stored. Reports hold three; ``msgspec`` reads a thousand."""
_DEEPER: Final = '"…"'
_NOTHING: Final = '""'
_CARD: Final = '"{card}"'
_LEAST_CARD: Final = 10**12
_MORE_THAN_CARDS: Final = 10**19
"""Numbers between these bounds may be those of cards, which have 13 to 19 digits."""

_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]+")
_PLAIN: Final = re.compile(rb"\"([!$(-*,-9;A-\[\]-~]*+)\"|[0-9]{1,12}|true|false|null")
"""A value that needs no scrubbing: a text without any of ``\\ " ' < > % & ? # @ = : +`` and blanks."""

_TERSE: Final = frozenset({"about"})
"""Values of columns that say less than the raw text may: ``about`` stands for ``about:blank``."""

_encode: Final = msgspec.json.Encoder().encode


def render(item: report.Item, rules: scrub.ScrubRules = scrub.DEFAULT) -> str:
    """Return the JSON of an item as it may be stored."""
    if not item.wrapper:
        return f"{{{','.join(_members(item.envelope, rules))}}}"
    body = f'"{item.wrapper}":{{{",".join(_members(item.body, rules))}}}'
    if len(item.envelope) == 1:  # nothing stands beside the body
        return f"{{{body}}}"
    members = _members(item.envelope, rules, item.wrapper)
    members.insert(list(item.envelope).index(item.wrapper), body)
    return f"{{{','.join(members)}}}"


def _members(members: report.Members, rules: scrub.ScrubRules, wrapper: str = "") -> list[str]:
    if not names.PAIR_NAMES.isdisjoint(members):
        return _paired(members, rules, wrapper)
    cleaned = _cleaned(rules)
    if not wrapper:
        return list(map(cleaned, members.items()))
    return [cleaned(member) for member in members.items() if member[0] != wrapper]


def _paired(members: report.Members, rules: scrub.ScrubRules, wrapper: str) -> list[str]:
    """Return the JSON of members of which one may name what another holds, so that they are read together."""
    read = {name: values.load(sent) for name, sent in members.items() if name != wrapper or not wrapper}
    return list(_object(read, rules, 0))


@functools.lru_cache(maxsize=4)
def _cleaned(rules: scrub.ScrubRules) -> Callable[[tuple[str, bytes]], str]:
    """Return the function that cleans members by these rules; most projects have the same rules."""
    return memo.remembered_by_name(functools.partial(_member, rules))


def _member(rules: scrub.ScrubRules, member: tuple[str, bytes]) -> str:
    name, sent = member
    label, what = (_remembered_naming if len(name) <= names.REMEMBERED else _naming)(name, rules)
    if what is names.What.PRIVATE:
        return f"{label}:{_NOTHING}"
    if what is names.What.LINK and (url := values.url_of(sent)) and url.text not in _TERSE:
        return f"{label}:{_json(scrub.url(url, rules).text)}"  # as in its column, which has just been made
    plain = _PLAIN.fullmatch(sent)
    if plain and not (plain[1] and masks.suspect(plain[1].decode())):
        return f"{label}:{sent.decode()}"
    return f"{label}:{_value(values.load(sent), what, rules, 1)}"


def _naming(name: str, rules: scrub.ScrubRules) -> tuple[str, names.What]:
    """Return the name of a member as JSON, for a secret may stand there too, and what the member holds.

    If its name is scrubbed, the scrubbed name says what it holds. Otherwise, scrubbing a stored text again
    would change it.
    """
    label, what = _json(scrub.name(_printable(name), rules)), names.what_is(name)
    if label[1:-1] == name or what is names.What.PRIVATE:
        return label, what
    return label, names.what_is(msgspec.json.decode(label, type=str))


_remembered_naming: Final = functools.lru_cache(1024)(_naming)


def _value(value: Any, what: names.What, rules: scrub.ScrubRules, depth: int) -> str:  # noqa: ANN401 - of any shape
    """Return the JSON of a value as it may be stored, of a member whose name says this of it."""
    if isinstance(value, str):
        return _json(scrub.text(what, _printable(value), rules))
    if isinstance(value, (dict, list)):
        if depth > MAX_DEPTH:
            return _DEEPER
        if isinstance(value, dict):
            return f"{{{','.join(_object(value, rules, depth))}}}"
        return f"[{','.join(_array(value, what, rules, depth))}]"
    if isinstance(value, (int, float)) and masks.CARDS in rules.kinds and _is_card(value):
        return _CARD
    return _json(value)


def _is_card(number: float) -> bool:
    size = abs(number)
    return _LEAST_CARD <= size < _MORE_THAN_CARDS and masks.is_card(str(int(size)))


def _object(members: dict[str, Any], rules: scrub.ScrubRules, depth: int) -> Iterator[str]:
    """Yield the JSON of members. All are private if one of them names something private."""
    paired = [name for name in names.PAIR_NAMES.intersection(members) if names.is_private_name(members[name])]
    for name, value in members.items():
        label, what = (_remembered_naming if len(name) <= names.REMEMBERED else _naming)(name, rules)
        private = what is names.What.PRIVATE or (paired and name not in paired)
        yield f"{label}:{_NOTHING if private else _value(value, what, rules, depth + 1)}"


def _array(items: list[Any], what: names.What, rules: scrub.ScrubRules, depth: int) -> Iterator[str]:
    """Yield the JSON of items, without items that follow a private name: ``["Cookie", "a=b"]``."""
    private = False
    for item in items:
        yield _NOTHING if private else _value(item, what, rules, depth + 1)
        private = not private and names.is_private_name(item)


def _json(value: object) -> str:
    return _encode(value).decode()


def _printable(text: str) -> str:
    return text if text.isprintable() else _CONTROLS.sub("", text)
