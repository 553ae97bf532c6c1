"""User agents: which browser, which major version, which operating system."""

from __future__ import annotations

import functools
from typing import Final, NamedTuple

import ua_parser
from ua_parser import loaders, regex

from storage.queue import envelope
from workers import scrub
from workers.scrub import names

MAX_USER_AGENT: Final = envelope.MAX_USER_AGENT
"""Characters of a user agent that are parsed."""


class Agent(NamedTuple):
    """The browser that a user agent names; each part is empty if it is not known."""

    browser: str
    version: str
    os: str


UNKNOWN: Final = Agent("", "", "")


def warm() -> None:
    """Load the parser now, so that the first user agent need not wait for it."""
    _parser()


def parse(user_agent: str) -> Agent:
    """Return the browser's family, its major version and the operating system's family."""
    return _parse(user_agent[:MAX_USER_AGENT]) if user_agent else UNKNOWN


@functools.lru_cache(maxsize=2048)
def _parse(user_agent: str) -> Agent:
    found = _parser()(user_agent, ua_parser.Domain.USER_AGENT | ua_parser.Domain.OS)
    browser, system = found.user_agent, found.os
    return Agent(
        _word(browser.family) if browser else "",
        _word(browser.major or "") if browser else "",
        _word(system.family) if system else "",
    )


def _word(said: str) -> str:
    """Return a name in a user agent as it may be stored: an unknown user agent may hold any text."""
    return scrub.text(names.What.TEXT, said, scrub.DEFAULT)


@functools.cache
def _parser() -> ua_parser.Parser:
    """Return the parser on its Rust backend; loading its 1 000 patterns takes 0.3 s and 30 MB, once."""
    return ua_parser.Parser(regex.Resolver(loaders.load_builtins()))
