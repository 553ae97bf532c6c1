"""Masks: secrets that are recognised by their form, and the placeholders that replace them.

No mask lengthens a text, and masking twice is masking once. The patterns of the first group look at nothing
around them, so no part of a text matches that did not match within the whole. The patterns of the second
group look at whole runs of characters, and replace all of a run or nothing. No mask matches a placeholder.
All functions take linear time.
"""

from __future__ import annotations

import re
from typing import Final

from workers.scrub import named
from workers.text import letters

_W: Final = letters.WORD

EMAILS: Final = "emails"
CARDS: Final = "cards"
TOKENS: Final = "tokens"
UUIDS: Final = "uuids"
DIGESTS: Final = "digests"
"""Used instead of ``TOKENS`` in members that hold digests: texts with the form of a digest stay."""

KINDS: Final = frozenset({EMAILS, CARDS, TOKENS, UUIDS})
"""The kinds of secrets that a project may keep."""

_IS_PUBLIC: Final = (
    r"-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*+-----END CERTIFICATE-----"
    r"|(?<![0-9A-Za-z_])sha(?:256-(?:[0-9A-Fa-f]{64}|[A-Za-z0-9+/_-]{43})|384-[A-Za-z0-9+/_-]{64}|512-[A-Za-z0-9+/_-]{86})(?![A-Za-z0-9+/_-])=*+"
    r"|(?<![0-9A-Za-z_])(?:https?|wss?|ftp)://[A-Za-z0-9.:\[\]-]*+"
)
"""Certificates, digests of scripts in policies, and hosts: these stay, because reports are about them."""
_IS_DIGEST: Final = (
    r"(?<![A-Za-z0-9+/_=-])(?!eyJ)(?:[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128}"
    r"|[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{86}==|[A-Za-z0-9+/]{96,}+={0,2})(?![A-Za-z0-9+/_=-])"
)
"""SHA-1 and SHA-2 in hex, SHA-256 and SHA-512 in base64, and base64 as long as a signed timestamp."""
_PUBLIC: Final = re.compile(rf"({_IS_PUBLIC})")
_PUBLIC_OR_DIGEST: Final = re.compile(rf"({_IS_PUBLIC}|{_IS_DIGEST})")

_LOCAL_PART: Final = 64
_IN_LOCAL_PART: Final = re.compile(rf"[{_W}.+-]++\Z")
_DOMAIN: Final = re.compile(
    r"(?:@|%(?:25){0,4}40)"
    r"(?![0-9]+x\.|v?[0-9]+\.[0-9])"  # logo@2x.png, vue@3.4.21
    rf"(?:[{_W}%-]{{1,63}}+\.){{1,8}}(?:(?![0-9])[{letters.ALPHANUMERIC}]){{2,24}}"
)
"""The domain of an e-mail address. The search begins here, because few characters begin a domain."""
_JWT: Final = re.compile(r"eyJ[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]*+)*+")
"""A JSON Web Token (RFC 7519 §3), whole or cut short: it begins with ``{"`` in base64url."""
_UUID: Final = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_GROUPED: Final = re.compile(
    r"(?<![0-9A-Za-z])"
    r"(?:[0-9]{4}([ +-]|%20)[0-9]{4}\1[0-9]{4}\1[0-9]{1,7}|[0-9]{4}([ +-]|%20)[0-9]{6}\2[0-9]{4,5})"
    r"(?![0-9A-Za-z])"
)
_GROUP_DIGIT: Final = re.compile(r"((?:%20)*)[0-9]")
_DIGIT: Final = re.compile(r"[0-9]")
_RUN: Final = re.compile(r"[0-9A-Za-z]{13,}+")
_HEX: Final = re.compile(r"[0-9A-Fa-f]{16,}+")
"""Characters from which on hex is masked. The words of a file name stay beside its hash."""
_LONG: Final = 20
"""Characters of the shortest run without a form of its own that can be a token: 120 random bits."""
_JOINED: Final = re.compile(rf"[0-9A-Za-z_-]{{{_LONG},}}+")
_WORD: Final = re.compile(r"(?<![0-9A-Za-z])(?:[A-Z]?[a-z]{3,}+|[A-Z]{4,}+)(?![0-9A-Za-z])")
_TURN: Final = re.compile(r"[a-z](?=[A-Z0-9])|[A-Z](?=[0-9])|[0-9](?=[A-Za-z])")
_TURN_EVERY: Final = 4
"""Characters after which random text has turned from one case to the other, or between letters and digits."""
_TURN_EVERY_IN_ONE_CASE: Final = 6
_SHORTEST: Final = 11
"""Characters of the shortest secret that is no address of mail: a web token cut short."""
_DOUBLED: Final = str.maketrans("0123456789", "0246813579")
"""Each digit to the sum of the digits of its double."""
_EPOCH_MS: Final = 13
"""Digits of a time in milliseconds, of which one in ten would pass for a card. It begins with 1."""

_LONG_RUN: Final = re.compile(r"(?:[0-9A-Za-z_-]{0,12}+[^0-9A-Za-z_-]++)*+[0-9A-Za-z_-]{13}")
"""This pattern is matched from the start of a text, which looks at each character once; a search does not."""


def suspect(text: str) -> bool:
    """Return quickly whether a text without blanks might hold anything to mask."""
    return (
        "@" in text
        or "%" in text
        or "+" in text
        or "=" in text
        or ":" in text
        or _LONG_RUN.match(text) is not None
    )


def mask(text: str, kinds: frozenset[str]) -> str:
    """Return the text with placeholders for the secrets of these kinds; certificates, digests, hosts stay."""
    if TOKENS in kinds:
        text = named.mask(text)
    parts = (_PUBLIC_OR_DIGEST if DIGESTS in kinds else _PUBLIC).split(text)
    for index in range(0, len(parts), 2):  # between them stand what the pattern found
        parts[index] = _masked(parts[index], kinds)
    return "".join(parts)


def is_card(number: str) -> bool:
    """Return whether these digits can be the number of a payment card: 13 to 19 that pass Luhn's test.

    ISO/IEC 7812-1, annex B.
    """
    if not 13 <= len(number) <= 19 or (len(number) == _EPOCH_MS and number[0] == "1"):  # noqa: PLR2004 - as stated
        return False
    doubled = number[-2::-2].translate(_DOUBLED)
    return sum(map(int, doubled + number[-1::-2])) % 10 == 0


def _masked(text: str, kinds: frozenset[str]) -> str:
    if EMAILS in kinds and ("@" in text or "40" in text):
        text = _without_mails(text)
    if len(text) < _SHORTEST:
        return text
    if TOKENS in kinds and "eyJ" in text:
        text = _JWT.sub("{jwt}", text)
    if UUIDS in kinds and "-" in text:
        text = _UUID.sub("{uuid}", text)
    if TOKENS in kinds:
        text = _RUN.sub(_hex, text)
    if CARDS in kinds:
        text = _without_groups(_RUN.sub(_card, text))
    if TOKENS in kinds:
        # A token may contain "-", or stand beside one; either may leave a run in which the other shows up.
        text = _JOINED.sub(_token, _RUN.sub(_token, _JOINED.sub(_token, text)))
    return text


def _without_mails(text: str) -> str:
    kept: list[str] = []
    end = 0
    domain = _DOMAIN.search(text)
    while domain is not None:
        after = domain.start() + 1  # within a domain without an address before it another may begin
        local = _IN_LOCAL_PART.search(text, max(end, domain.start() - _LOCAL_PART), domain.start())
        if local is not None:
            kept += text[end : local.start()], "{mail}"
            end = after = domain.end()
        domain = _DOMAIN.search(text, after)
    return "".join([*kept, text[end:]])


def _hex(run: re.Match[str]) -> str:
    return "{hex}" if _HEX.fullmatch(run[0]) and not run[0].isdigit() else run[0]


def _card(run: re.Match[str]) -> str:
    return "{card}" if any(map(is_card, re.findall(r"[0-9]{13,}", run[0]))) else run[0]


def _without_groups(text: str) -> str:
    """Mask numbers written in groups digit by digit: one placeholder would join the groups."""
    kept: list[str] = []
    end = 0
    group = _GROUPED.search(text)
    while group is not None:
        after = group.start() + 1  # of two that overlap, each may be the card
        if is_card("".join(_DIGIT.findall(group[0].replace("%20", "")))):
            kept += text[end : group.start()], _GROUP_DIGIT.sub(r"\1*", group[0])
            end = after = group.end()
        group = _GROUPED.search(text, after)
    return "".join([*kept, text[end:]])


def _token(run: re.Match[str]) -> str:
    return "{token}" if _is_random(run[0]) else run[0]


def _is_random(run: str) -> bool:
    """Return whether a run is random. Words seldom change case or hold digits, random text does."""
    if len(run) < _LONG or _DIGIT.search(run) is None or _WORD.search(run):
        return False
    if _UUID.search(run):  # it would have been masked by now, were it not to be kept
        return False
    every = _TURN_EVERY_IN_ONE_CASE if run in (run.lower(), run.upper()) else _TURN_EVERY
    return run.isupper() or len(_TURN.findall(run)) * every >= len(run)
