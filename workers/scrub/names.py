"""Names of members, and what they say of the value: that it is never stored, or how its text is to be read.

Senders spell one name in many ways (``sessionToken``, ``session-token``, ``SESSION_TOKEN``), so that names
are compared without case and separators, and by the words that case and separators part.
"""

from __future__ import annotations

import enum
import functools
import re
from typing import Final

from workers.text import letters

_ENTRIES: Final = 1024
"""Names remembered, of 128 characters at most: some 300 kB."""
REMEMBERED: Final = 128
"""Characters of the longest name that is remembered: longer names are made up."""
_LONGEST: Final = 4096
"""Characters of a name that is looked at: a longer one may mean anything, and counts as private."""


class What(enum.Enum):
    """The meaning of a name for its value.

    ``PRIVATE``: it is never stored. ``POLICY``: it is a policy. ``DIGESTS``: it holds hashes, keys or
    certificates, which are public. ``LINK``: it is a URL. ``CODE``: it is a piece of a script or of a style
    sheet. ``TEXT``: the name says nothing.
    """

    PRIVATE = enum.auto()
    POLICY = enum.auto()
    DIGESTS = enum.auto()
    LINK = enum.auto()
    CODE = enum.auto()
    TEXT = enum.auto()


_SEPARATORS: Final = re.compile(r"[^0-9a-z]+")
_PLACEHOLDERS: Final = re.compile(r"\{[a-z]+\}")
"""Placeholders that scrubbing puts into a name; they say nothing of the value."""
_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")

_PRIVATE_PART: Final = re.compile(
    r"token|secret|passw|pwd|passphrase|passcode|credential|cookie|header|forwarded|bearer|authori[sz]ation"
    r"|authentic|session|sessid|csrf|xsrf|jwt|oauth|nonce|hmac|totp|assertion|saml"
    r"|(?:api|private|access|secret|sign(?:ing)?|encrypt(?:ion)?|auth|master|shared|ssh|account|client|aes|rsa"
    r"|enc|license)keys?"
    r"|(?:remote|real|peer|client|connecting)(?:ip|addr)"
    r"|(?:verification|access|security|recovery|backup|onetime|pin)code"
    r"|email|(?:user|first|last|full|sur)name|userid|card(?:number|num|no)|creditcard|iban|passport|birth"
    r"|latitude|longitude"
    r"|(?:vendor|device|advertising|install(?:ation)?|android|machine|visitor|customer|account)id"
)
"""Parts that make a name private anywhere in it, compared without case and separators."""
_PRIVATE_WORDS: Final = frozenset(
    {"auth", "authn", "authz", "pass", "pw", "sess", "sid", "otp", "mfa", "xff", "login", "mail", "uid"}
    | {"ssn", "cvv", "cvc", "dob", "phone", "msisdn", "imei", "imsi", "idfa", "idfv", "udid"}
)
"""Words that make a name private."""
_ADDRESS_WORDS: Final = frozenset({"ip", "ips", "ipv", "addr", "addrs", "address", "addresses"})
"""Words that make a name private if they are its last word: ``ip_version`` holds no address."""
_PRIVATE_WHOLE: Final = re.compile(
    r"(?:x|client|server|remote|source|src|peer|user|host|dest|dst|origin|local|public|private|proxy|visitor)*+"
    r"(?:ip|addr)(?:v?[46])?(?:addr|address)?(?:v?[46])?(?:e?s)?"
    r"|user|pin|pincode"
)

_POLICY: Final = re.compile(r"polic(?:y|ies)|csp|directive")
_DIGESTS: Final = re.compile(r"(?:sha256|hash|pins|scts?|ocspresponse|certificatechain)\Z")
_LINK: Final = re.compile(
    r"(?:ur[il]s?|referr?er|file|href)\Z|\A(?:src|srcattribute|link|location|origin|connection)\Z"
)
_CODE: Final = frozenset({"sample", "scriptsample"})

PAIR_NAMES: Final = frozenset(
    spelled
    for name in ("name", "key", "header", "field", "param", "k", "n")
    for spelled in (name, name.capitalize(), name.upper())
)
"""Members that may hold the name of what another member of the same object holds."""
_HEADER: Final = re.compile(r"\s*[A-Za-z_][" + letters.WORD + r". -]{0,62}\s*:?")
"""A text that can be the name of a header or of a member."""


def what_is(name: str) -> What:
    """Return what the name of a member says of its value."""
    return _remembered(name) if len(name) <= REMEMBERED else _what_is(name)


def is_private_name(text: object) -> bool:
    """Return whether a value is the name of something private, so that the value beside it is private."""
    return isinstance(text, str) and _HEADER.fullmatch(text) is not None and what_is(text) is What.PRIVATE


def _what_is(name: str) -> What:
    if len(name) > _LONGEST:
        return What.PRIVATE
    if not name.isascii():
        name = letters.compatible(name)
    if "{" in name:
        name = _PLACEHOLDERS.sub("", name)
    whole = _SEPARATORS.sub("", name.lower())
    if _is_private(name, whole):
        return What.PRIVATE
    if whole in _CODE:
        return What.CODE
    for pattern, what in ((_DIGESTS, What.DIGESTS), (_LINK, What.LINK), (_POLICY, What.POLICY)):
        if pattern.search(whole):
            return what
    return What.TEXT


_remembered: Final = functools.lru_cache(_ENTRIES)(_what_is)


def _is_private(name: str, whole: str) -> bool:
    if _PRIVATE_PART.search(whole) or _PRIVATE_WHOLE.fullmatch(whole):
        return True
    words = [word.lower() for word in _WORDS.findall(name)]
    return not _PRIVATE_WORDS.isdisjoint(words) or not _ADDRESS_WORDS.isdisjoint(words[-1:])
