"""Pages that load something in every way a page can, from anywhere, and often by way of a redirect."""

from __future__ import annotations

import html
import json
import random
import string
import tomllib
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

from tests.browser.wild import hosts, policies
from tests.browser.wild.policies import happens

_WAYS: Final[dict[str, dict[str, Any]]] = tomllib.loads(
    (Path(__file__).parent / "ways.toml").read_text("utf-8")
)
_LOADS: Final[dict[str, list[str]]] = _WAYS["loads"]
_SCRIPTS: Final[dict[str, list[str]]] = _WAYS["scripts"]
_RUNS: Final[list[str]] = list(_WAYS["runs"].values())

_ELSEWHERE: Final = (
    *("data:text/plain,x", "blob:null/x", "about:blank", "myapp:open", "mailto:x@a.example", "javascript:1"),
    *("ws://a.example/x", "ftp://a.example/x", "filesystem:http://a.example/x", "chrome-extension://x/y"),
)
"""Targets of redirects that no browser follows."""
_WORKER: Final = b"try{eval('1')}catch(e){};fetch('/x?t=x').catch(e=>0)"
_ANSWERS: Final = {
    "img": ("image/gif", b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"),
    "svg": ("image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg"><g id="x"/></svg>'),
    "script": ("text/javascript", b"1"),
    "worker": ("text/javascript", _WORKER),
    "style": ("text/css", b"p{}"),
    "json": ("application/json", b"{}"),
    "sse": ("text/event-stream", b"data: x\n\n"),
    "frame": ("text/html", b"<p>x"),
    "manifest": ("application/manifest+json", b"{}"),
    "font": ("font/woff2", b"x"),
    "media": ("video/mp4", b"x"),
}
_NESTED: Final = b"<img src=/x?t=img><script src=/x?t=script></script><script>1</script><style>p{}</style>"
_XML: Final = (
    b'<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="/js/app?t=xsl"?>'
    b'<?xml-stylesheet type="text/css" href="http://cdn.example/x?t=style"?><x/>'
)
_STRICT: Final = "x.cdn.example"
"""A host of which browsers learn to ask over TLS only."""
_SERVICE: Final = """
self.addEventListener('activate', event => event.waitUntil(clients.claim()));
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('fetch', event => {
  const to = new URL(event.request.url).searchParams.get('sw');
  if (to) event.respondWith(fetch(to, {mode: to.startsWith('http') ? 'no-cors' : 'cors'}));
});
"""


class Resource(NamedTuple):
    """One thing that a page loads; ``redirects`` says that the answer comes from another URL than that."""

    kind: str
    url: str
    redirects: bool


class Case(NamedTuple):
    """One page: where it is, under which headers, what it loads, and its text, ``<meta>`` policy included."""

    number: int
    page: str
    headers: hosts.Headers
    resources: tuple[Resource, ...]
    text: str

    def __str__(self) -> str:
        """Return the page as it is printed when something is wrong with it."""
        return json.dumps(self._asdict(), ensure_ascii=False, indent=1)


def case(seed: int, number: int, *, secure: bool) -> Case:
    """Return the page of this number; the same for the same seed.

    Args:
        seed: of all pages.
        number: of this one.
        secure: whether pages, and what they load, may be on https.
    """
    rng = random.Random(f"{seed}/{number}")
    scheme = rng.choice(policies.SCHEMES if secure else ("http",))
    host = rng.choice(("a.example", "a.example", "b.a.example", "cdn.example", "127.0.77.1"))
    page = f"{scheme}://{host}{rng.choice(('', ':8443' if scheme == 'https' else ':8081'))}"
    by_api = scheme == "https" and happens(rng, 0.25)
    resources = tuple(_resource(rng, number, index, secure=secure) for index in range(rng.choice((3, 6, 10))))
    runs = [
        string.Template(rng.choice(_RUNS)).safe_substitute(c=number) for _ in range(rng.choice((1, 3, 5)))
    ]
    body = [*(_markup(one, index, number) for index, one in enumerate(resources)), *runs]
    rng.shuffle(body)
    meta = f"{policies.made_up(rng)}; report-to e" if by_api and happens(rng, 0.4) else ""
    head = f'<meta http-equiv="Content-Security-Policy" content="{html.escape(meta)}">' if meta else ""
    text = f"<!doctype html><head><title>x</title>{head}</head><body>{''.join(body)}</body>"
    headers = _headers(rng, f"{page}/report?c={number}", _texts(rng, host), by_api=by_api)
    return Case(number, f"{page}/case?c={number}", headers, resources, text)


def _texts(rng: random.Random, host: str) -> list[str]:
    if happens(rng, 0.4):
        return [policies.by_hand(rng, rng.choice((host, "cdn.example", "other.example")))]
    return [policies.made_up(rng) for _ in range(rng.choice((1, 1, 1, 2)))]


def _headers(rng: random.Random, reports: str, texts: list[str], *, by_api: bool) -> hosts.Headers:
    suffix = "; report-to e" if by_api else f"; report-uri {reports}"
    texts = [text + suffix for text in texts]
    if len(texts) > 1 and happens(rng, 0.5):
        texts = [", ".join(texts)]
    name = "Content-Security-Policy"
    listed = tuple((name + rng.choice(("", "-Report-Only", "-Report-Only")), text) for text in texts)
    return (*listed, ("Reporting-Endpoints", f'e="{reports}"')) if by_api else listed


def _address(rng: random.Random, *, secure: bool) -> str:
    scheme = rng.choice(policies.SCHEMES if secure else ("http",))
    return f"{scheme}://{rng.choice(policies.HOSTS)}{rng.choice(policies.PORTS)}{rng.choice(policies.PATHS)}"


def _resource(rng: random.Random, number: int, index: int, *, secure: bool) -> Resource:
    kind = rng.choice([*_LOADS, *_SCRIPTS])
    wanted = (_LOADS.get(kind) or _SCRIPTS[kind])[0]
    query = f"c={number}&r={index}&t={wanted}"
    own = wanted == "worker" and happens(rng, 0.7)
    url = f"/js/app?{query}" if own else f"{_address(rng, secure=secure)}?{query}"
    if kind != "serviced" and happens(rng, 0.65):
        return Resource(kind, url, redirects=False)
    target = f"{_address(rng, secure=secure)}?{query}&hop=1"
    if happens(rng, 0.3):
        target = rng.choice(_ELSEWHERE)
    by = "sw" if kind == "serviced" else "to"
    return Resource(kind, f"{url}&{by}={quote(target, safe='')}", redirects=True)


def _markup(resource: Resource, index: int, number: int) -> str:
    url, kind = resource.url, resource.kind
    names = {
        "u": url,
        "e": quote(url, safe=":/"),
        "w": "ws" + url.removeprefix("http"),
        "n": index,
        "c": number,
    }
    if kind in _SCRIPTS:
        script = string.Template(_SCRIPTS[kind][1]).safe_substitute(names)
        return f"<script nonce=abc>try{{{script}}}catch(e){{}}</script>"
    markup = _LOADS[kind][1]
    if "<style>" not in markup:
        names["u"] = html.escape(url)
    return string.Template(markup).safe_substitute(names)


def resource(url: str) -> hosts.Answer:
    """Return what a URL that is no page is answered with: its redirect, or a body of the kind it asks for."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if parts.path == "/sw.js":
        return hosts.Answer(_SERVICE.encode(), "text/javascript")
    if target := query.get("to"):
        return hosts.Answer(headers=(("Location", target[0]),), status=302)
    content_type, body = _ANSWERS.get(query.get("t", ["x"])[0], ("text/plain", b"x"))
    strict = parts.scheme == "https" and parts.hostname == _STRICT
    return hosts.Answer(body, content_type, (("Strict-Transport-Security", "max-age=60"),) if strict else ())


def document(one: Case, url: str) -> hosts.Answer:
    """Return the page, or one of those that it frames, under its headers."""
    if urlsplit(url).path == "/case":
        return hosts.Answer(one.text.encode(), "text/html; charset=utf-8", one.headers)
    if url.endswith("&xml"):
        return hosts.Answer(_XML, "text/xml", one.headers)
    return hosts.Answer(_NESTED, "text/html", one.headers)
