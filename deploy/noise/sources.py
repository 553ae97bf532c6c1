"""Reads a rules file from a file or a URL: within a size, within a time, and over no way that others change.

A URL is read by ``https``, also after each redirect; by ``http`` only from this machine. Sentences and tables
show it without user, password and query: any of them may be a secret.
"""

from __future__ import annotations

import http.client
import ipaddress
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from storage import errors
from workers.noise import rules_file

if TYPE_CHECKING:
    from typing import IO

TIMEOUT_S: Final = 30.0
"""The longest time that the answer to a request may take, from the first redirect to the last byte."""
MOST_REDIRECTS: Final = 5


class SourceError(errors.HeadraceError):
    """A rules file cannot be read where it should be, or is not the one that was asked for."""


class ReadFile(NamedTuple):
    """The text of a rules file, and where it was read, as it may be shown."""

    text: bytes
    shown: str
    remote: bool


def read(where: str, timeout_s: float = TIMEOUT_S) -> ReadFile:
    """Read a rules file.

    Args:
        where: a path, or a URL.
        timeout_s: how long a URL may take.

    Raises:
        SourceError: it cannot be read, or is longer than a rules file may be.
        OSError: there is no such file.
    """
    if "://" in where:
        return ReadFile(_bounded(_fetched(where, timeout_s), shown(where)), shown(where), remote=True)
    path = Path(where)
    if path.is_dir():
        raise SourceError(f"{where} is a directory: name a file in it.")
    with path.open("rb") as opened:
        return ReadFile(_bounded(opened.read(rules_file.MAX_BYTES + 1), where), where, remote=False)


def shown(url: str) -> str:
    """Return a URL without what may be secret in it."""
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the URL"
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{port}{parts.path}"


def _bounded(text: bytes, where: str) -> bytes:
    if len(text) > rules_file.MAX_BYTES:
        raise SourceError(f"{where} is too long: a rules file has at most {rules_file.MAX_BYTES:,} bytes.")
    return text


def _fetched(url: str, timeout_s: float) -> bytes:
    """Return the answer to a request, up to one byte more than a rules file has.

    A server that sends a byte now and then keeps each single read short: only another thread ends it in time.
    """
    _require_allowed(url)
    done: list[bytes | Exception] = []
    thread = threading.Thread(target=_fetch_into, args=(done, url, timeout_s), daemon=True)
    thread.start()
    thread.join(timeout_s)
    if not done:
        raise SourceError(f"{shown(url)} did not answer within {timeout_s:g} seconds.")
    if isinstance(done[0], Exception):
        raise done[0]
    return done[0]


def _fetch_into(done: list[bytes | Exception], url: str, timeout_s: float) -> None:
    try:
        done.append(_fetch(url, timeout_s))
    except SourceError as error:
        done.append(error)
    except urllib.error.HTTPError as error:
        error.close()
        done.append(SourceError(f"{shown(url)} answers with the status {error.code}."))
    except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
        done.append(SourceError(f"{shown(url)} does not answer: {_reason(error)}."))


def _fetch(url: str, timeout_s: float) -> bytes:
    proxies: dict[str, str] | None = {} if _is_loopback(url) else None
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler(proxies),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        _Redirects(),
    )
    request = urllib.request.Request(url, headers={"User-Agent": "headrace"})  # noqa: S310 - checked above
    with opener.open(request, timeout=timeout_s) as answer:
        text: bytes = answer.read(rules_file.MAX_BYTES + 1)
        if len(text) <= rules_file.MAX_BYTES and answer.length:
            raise http.client.IncompleteRead(text, answer.length)
    return text


def _reason(error: Exception) -> str:
    """Return why a server did not answer, without the URL that an error may quote."""
    inner = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(inner, ssl.SSLError):
        return "its certificate is not trusted, or its TLS is broken"
    if isinstance(inner, OSError) and inner.strerror:
        return inner.strerror
    return type(inner).__name__ if isinstance(inner, Exception) else "it cannot be reached"


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to ``https`` alone."""

    max_redirections = MOST_REDIRECTS

    def redirect_request(  # noqa: PLR0913, PLR0917 - as the base class calls it
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        fp.close()  # also where the error of a refused redirect would leave it open
        if urllib.parse.urlsplit(newurl).scheme != "https":
            raise SourceError(f"{shown(req.full_url)} redirects to a URL that is not https: it is not read.")
        _require_allowed(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _require_allowed(url: str) -> None:
    try:
        parts = urllib.parse.urlsplit(url)
        named = parts.hostname, parts.port
    except ValueError:
        raise SourceError("This is no URL that can be read.") from None
    if parts.scheme not in {"https", "http"} or not named[0]:
        raise SourceError("A rules file is read from a file or from an https URL.")
    if parts.username is not None or parts.password is not None:
        raise SourceError("Name no user and no password in the URL: they would stand in lists of processes.")
    if parts.scheme == "http" and not _is_loopback(url):
        raise SourceError(f"{shown(url)} is not read: use https, because anybody on the way can change http.")


def _is_loopback(url: str) -> bool:
    host = urllib.parse.urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
