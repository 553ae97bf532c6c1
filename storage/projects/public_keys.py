"""The public keys of a project: several at a time, enabled or disabled, valid for ever or until a time.

Guarantee: a project always has an enabled key that never ends, so that there is one for new pages. It is
the first key. The functions are pure: they take the keys of a project and return the new ones.
"""

from __future__ import annotations

import re
import secrets
from typing import Final, Literal

import msgspec

from storage import errors

MAX_KEYS: Final = 50
"""Records per project: every edge holds all of them. Beyond, the oldest key that ended is forgotten."""

_KEY: Final = re.compile(r"[0-9A-Za-z_-]{8,64}")


class KeyRuleError(errors.HeadraceError):
    """The keys of a project cannot be changed as asked."""


class Key(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One public key.

    Attributes:
        key: as it stands in the endpoint's URL.
        state: whether reports may come with it.
        created: milliseconds since the epoch; 0 for a key that is older than these records.
        valid_until: milliseconds since the epoch; None for ever.
    """

    key: str
    state: Literal["enabled", "disabled"] = "enabled"
    created: int = 0
    valid_until: int | None = None

    @property
    def lasting(self) -> bool:
        """Whether the key is enabled and never ends."""
        return self.state == "enabled" and self.valid_until is None

    def works(self, now_ms: int) -> bool:
        """Tell whether reports may come with it at this time."""
        return self.state == "enabled" and (self.valid_until is None or now_ms < self.valid_until)


Keys = tuple[Key, ...]


def fresh(now_ms: int) -> Key:
    """Return a new key of 128 random bits."""
    return Key(key=secrets.token_hex(16), created=now_ms)


def checked(records: Keys) -> Keys:
    """Return the records with a lasting key in front.

    Raises:
        KeyRuleError: a key is malformed or stands there twice, there are too many, or none lasts.
    """
    names = [record.key for record in records]
    malformed = [name for name in names if not _KEY.fullmatch(name)]
    if malformed:
        raise KeyRuleError(f"The key {malformed[0]!r} is not 8 to 64 letters, digits, - and _.")
    if len(set(names)) < len(names):
        raise KeyRuleError("A key stands there twice.")
    if len(records) > MAX_KEYS:
        raise KeyRuleError(f"A project has at most {MAX_KEYS} keys.")
    primary = next((record for record in records if record.lasting), None)
    if primary is None:
        raise KeyRuleError("A project keeps an enabled key that does not end: add or rotate one first.")
    return (primary, *(record for record in records if record is not primary))


def added(records: Keys, new: Key, now_ms: int) -> Keys:
    """Return the records with one more, which does not become the one for new pages.

    Raises:
        KeyRuleError: there are too many that work.
    """
    return checked((*_with_room(records, now_ms), new))


def rotated(records: Keys, old: str, new: Key, *, now_ms: int, grace_ms: int) -> Keys:
    """Return the records with a new key in the place of an old one, which stays valid for the grace.

    Args:
        records: the keys of the project.
        old: the key to replace; empty for the first, which is the one for new pages.
        new: the key that replaces it.
        now_ms: milliseconds since the epoch.
        grace_ms: for how long the old key stays valid, unless it had an earlier end already.

    Raises:
        KeyRuleError: there is no such key, it does not work any more, or too many work.
    """
    ending = find(records, old or records[0].key)
    if not ending.works(now_ms):
        raise KeyRuleError(f"The key {ending.key} does not work any more: add a new one instead.")
    end = now_ms + grace_ms
    if ending.valid_until is not None:
        end = min(end, ending.valid_until)
    ended = msgspec.structs.replace(ending, valid_until=end)
    kept = tuple(part for record in records for part in ((new, ended) if record is ending else (record,)))
    return checked(_with_room(kept, now_ms, places=0))


def disabled(records: Keys, name: str) -> Keys:
    """Return the records with this key disabled for good.

    Raises:
        KeyRuleError: there is no such key, or no lasting one would be left.
    """
    found = find(records, name)
    off = msgspec.structs.replace(found, state="disabled")
    return checked(tuple(off if record is found else record for record in records))


def find(records: Keys, name: str) -> Key:
    """Return the record of a key.

    Raises:
        KeyRuleError: there is none.
    """
    for record in records:
        if record.key == name:
            return record
    raise KeyRuleError(f"The project has no key {name!r}.")


def _with_room(records: Keys, now_ms: int, places: int = 1) -> Keys:
    """Forget the oldest keys that no longer work, as far as places are wanting."""
    surplus = len(records) + places - MAX_KEYS
    if surplus <= 0:
        return records
    spent = sorted((record.created, record.key) for record in records if not record.works(now_ms))
    forgotten = {key for _, key in spent[:surplus]}
    return tuple(record for record in records if record.key not in forgotten)
