"""The column ``raw``: one original report of a row as JSON, without what must not be stored.

Strings are cleaned by the rules of the columns, so that nothing survives here that is taken out there. They
are found in the text that our own encoder wrote, where quotes and backslashes are escaped in exactly one way:
that is faster than walking the values, and goes as deep as they do.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from workers import memo, scrub, values
from workers.scrub import masks

if TYPE_CHECKING:
    from workers import report

_Cleaning: TypeAlias = Callable[[bytes, str], str]

_CHARACTERS: Final = r"[^\"\\]*+(?:\\.[^\"\\]*+)*+"  # of a JSON string, to its end
_SCALAR: Final = re.compile(rf"(?:\"({_CHARACTERS})\":)?(?:\"({_CHARACTERS})\"|(-?[0-9][0-9.eE+-]*+))")
"""A string or a number, with its name where it is a member; the name of what is neither reads as a string."""
_CONTROL: Final = re.compile(r"(\\\\)|\\u00[0-9a-f]{2}|\\[bf]|[\x7f-\x9f]")

_OPAQUE: Final = re.compile(r"(data|blob|filesystem|javascript|[a-z-]{1,32}-extension):")
"""URLs that are content, or name an installation: only their scheme is kept."""
_URL_NAME: Final = r"(?:.ur[il]|.UR[IL]|.Ur[il]|rrer|file|File)"
_NAMES_URL: Final = re.compile(rf".*{_URL_NAME}|ur[il]", re.DOTALL)

_NAME: Final = r"[A-Za-z0-9_-]{1,64}"
_PLAIN_TEXT: Final = r"\"((?:(?:https?|wss?)://)?[!$-9;<>A-\[\]-~]*+)"  # no ? # @ : = blank or backslash
_PLAIN: Final = re.compile(rf"\"{_NAME}\":(?:{_PLAIN_TEXT}\"|[0-9]{{1,12}})")
_PLAIN_URL: Final = re.compile(rf"(\"{_NAME}\":(?<={_URL_NAME}\":){_PLAIN_TEXT})[?#][ !#-\[\]-~]*+\"")
"""A URL with a query or fragment, and nothing else in it for the rules."""

_encoder: Final = msgspec.json.Encoder()


def render(item: report.Item, rules: scrub.Rules = scrub.DEFAULT) -> str:
    """Return the cleaned JSON of an item.

    No rule reaches from one member into another, so members are cleaned one by one, and remembered.
    """
    short, long = _memory(rules)
    members = _members(item.envelope, short, long, item.wrapper)
    if item.wrapper:
        position = list(item.envelope).index(item.wrapper)
        body = ",".join(_members(item.body, short, long))
        members.insert(position, f'"{item.wrapper}":{{{body}}}')
    return f"{{{','.join(members)}}}"


def _members(members: report.Members, short: _Cleaning, long: _Cleaning, wrapper: str = "") -> list[str]:
    return [
        short(sent, name) if len(sent) <= memo.SHORT else long(sent, name)
        for name, sent in members.items()
        if name != wrapper or not wrapper
    ]


@functools.lru_cache(maxsize=4)
def _memory(rules: scrub.Rules) -> tuple[_Cleaning, _Cleaning]:
    """Return how members are cleaned by these rules: hardly any two projects differ in them."""
    return memo.tiers(functools.partial(_member, rules))


def _member(rules: scrub.Rules, sent: bytes, name: str) -> str:
    if scrub.is_private(name):
        return f'"{name}":""'
    text = f'"{name}":{sent.decode()}'
    if not scrub.is_secret(name, rules):
        plain = _PLAIN.fullmatch(text)
        if plain and not (plain[1] and masks.suspect(plain[1])):
            return text
        url = _PLAIN_URL.fullmatch(text)
        if url and not masks.suspect(url[2]):
            return f'{url[1]}"'
    return clean(encode({name: values.load(sent)})[1:-1], rules, name)


def encode(item: dict[str, Any]) -> str:
    """Return an object as JSON, in the one spelling that ``clean`` relies on."""
    try:
        return _encoder.encode(item).decode()
    except RecursionError:
        return "{}"  # nested far deeper than any report: nothing of it is worth a second attempt


def clean(text: str, rules: scrub.Rules = scrub.DEFAULT, name: str = "") -> str:
    """Return encoded members without control characters, and each string and number as it may be stored.

    Args:
        text: what ``encode`` made.
        rules: those of the project.
        name: of the member that the text is, for the strings in it that have no name of their own.
    """
    if "\\" in text or not text.isprintable():
        text = _CONTROL.sub(r"\1", text)
    return _SCALAR.sub(functools.partial(_scalar, rules=rules, outer=name), text)


def _scalar(found: re.Match[str], *, rules: scrub.Rules, outer: str) -> str:
    name, string, number = found.groups()
    prefix = "" if name is None else f'"{_escaped(name, "", rules)}":'
    inner = outer if name is None else name
    if scrub.is_private(inner):
        return f'{prefix}""'
    if number is None:
        return f'{prefix}"{_escaped(string, inner, rules)}"'
    return f'{prefix}"{{card}}"' if masks.CARDS in rules.kinds and _is_card(number) else f"{prefix}{number}"


def _is_card(number: str) -> bool:
    return number.isdigit() and masks.is_card(number)


def _escaped(text: str, name: str, rules: scrub.Rules) -> str:
    """Return the characters of a JSON string as they may be stored."""
    if "\\" not in text:
        return _cleaned(text, name, rules)
    cleaned = _cleaned(msgspec.json.decode(f'"{text}"'), name, rules)
    return _encoder.encode(cleaned).decode()[1:-1]


def _cleaned(value: str, name: str, rules: scrub.Rules) -> str:
    if opaque := _OPAQUE.match(value):
        return opaque[1]
    if ("?" in value or "#" in value) and _NAMES_URL.fullmatch(name):
        value = value.partition("?")[0].partition("#")[0]
    return scrub.member(name, value, rules)
