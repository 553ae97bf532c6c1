"""Policies: made by hand where browsers are known to differ, and made up where they may."""

from __future__ import annotations

import string
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random

_PARTS: Final[dict[str, list[str]]] = tomllib.loads(
    (Path(__file__).parent / "policies.toml").read_text("utf-8")
)

SCHEMES: Final = ("http", "https")
HOSTS: Final = (
    *("a.example", "b.a.example", "cdn.example", "x.cdn.example", "a_b.cdn.example", "cdn.example."),
    *("other.example", "xn--bcher-kva.example", "127.0.77.1"),
)
PORTS: Final = ("", "", "", ":8081", ":8443", ":80", ":443")
PATHS: Final = (
    *("/", "/js/app", "/js/lib/x", "/file.ext", "/js", "/JS/app", "/js%2Fapp", "/%6As/app", "/a%20b/c"),
    *("/a", "/a;b", "/a,b", "/js//x", "/%2a", "/a'b", "/caf%C3%A9/x", "/js/%2E%2E/app", "/js/app/"),
)

_LIKELY: Final = (
    *("default-src", "script-src", "script-src-elem", "script-src-attr", "style-src", "style-src-elem"),
    *("style-src-attr", "img-src", "connect-src", "frame-src", "child-src", "worker-src", "object-src"),
    *("media-src", "font-src", "manifest-src", "form-action", "base-uri"),
)
_RARE: Final = (
    *("fenced-frame-src", "prefetch-src", "navigate-to", "no-such-src", "default_src", "trusted-types"),
    *("webrtc", "sandbox allow-scripts", "upgrade-insecure-requests", "require-trusted-types-for 'script'"),
)


def happens(rng: random.Random, share: float) -> bool:
    """Return True for this share of calls."""
    return rng.random() < share


def by_hand(rng: random.Random, host: str) -> str:
    """Return one of the policies written by hand, about this host where it is about any."""
    return string.Template(rng.choice(_PARTS["by_hand"])).safe_substitute(host=host)


def made_up(rng: random.Random) -> str:
    """Return a policy of a few random directives; scripts may run in many, for they find out the most."""
    odd = happens(rng, 0.15)
    listed = [_directive(rng, odd=odd) for _ in range(rng.choice((1, 1, 2, 2, 3, 4, 6)))]
    if happens(rng, 0.5):
        listed.insert(0, "script-src-elem 'unsafe-inline' *")
    return rng.choice(("; ", ";", " ; ", ";;", ";\t")).join(listed)


def _directive(rng: random.Random, *, odd: bool) -> str:
    if odd and happens(rng, 0.05):
        return rng.choice(_PARTS["odd_directives"])
    name = rng.choice(_LIKELY if happens(rng, 0.9) else _RARE)
    if happens(rng, 0.05):
        name = rng.choice((name.upper(), name.title()))
    words = [_source(rng) for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3, 4)))]
    if odd and happens(rng, 0.3):
        words.insert(rng.randrange(len(words) + 1), rng.choice(_PARTS["odd"]))
    return rng.choice((" ", " ", " ", "  ", "\t")).join([name, *words])


def _source(rng: random.Random) -> str:
    """Return an expression of a source list; about half are plain hosts."""
    if happens(rng, 0.45):
        return rng.choice(_PARTS["words"])
    scheme = rng.choice(("", "", "http://", "https://", "ws://", "wss://", "HTTP://"))
    host = rng.choice((*HOSTS, "*.cdn.example", "CDN.example"))
    port = rng.choice((*PORTS, ":*", ":*"))
    path = rng.choice(("", "", "", "/", "/js/", "/js/app", *PATHS))
    return f"{scheme}{host}{port}{path}"
