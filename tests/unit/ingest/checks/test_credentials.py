"""Key, environment and release, as requests name them."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.checks import credentials
from storage.queue import envelope

ENVIRONMENT, RELEASE = envelope.ENVIRONMENT_BLANKED, envelope.RELEASE_BLANKED
text = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("query", "header", "key"),
    [
        (b"sentry_key=abc", b"", "abc"),
        (b"sentry_key=abc&sentry_release=1", b"", "abc"),
        (b"sentry_release=1&sentry_key=abc", b"", "abc"),
        (b"sentry_key=a%62c", b"", "abc"),
        (b"sentry_key=abc&sentry_key=def", b"", "abc"),
        (b"sentry_key=", b"", ""),
        (b"sentry_key", b"", ""),
        (b"", b"", ""),
        (b"SENTRY_KEY=abc", b"", ""),
        (b"\xff\xfe=%ff&sentry_key=abc", b"", "abc"),
        (b"", b"Sentry sentry_key=abc", "abc"),
        (b"", b"Sentry sentry_key=abc, sentry_version=7, sentry_client=x/1", "abc"),
        (b"", b"Sentry sentry_version=7,sentry_key=abc", "abc"),
        (b"", b"sentry sentry_key = abc ", "abc"),
        (b"", b"  Sentry   sentry_key=abc", "abc"),
        (b"", b"Sentry sentry_version=7", ""),
        (b"", b"Sentry", ""),
        (b"", b"Bearer sentry_key=abc", ""),
        (b"", b"sentry_key=abc", ""),
        (b"sentry_release=1.0", b"Sentry sentry_key=abc", "abc"),
        (b"sentry_key=abc", b"Sentry sentry_key=def", "abc"),
        (b"sentry_key=", b"Sentry sentry_key=def", "def"),
    ],
)
def test_the_key_stands_in_the_query_or_in_the_header(query: bytes, header: bytes, key: str) -> None:
    assert credentials.read(query, header).key == key


@pytest.mark.parametrize(
    ("environment", "expected", "flags"),
    [
        ("production", "production", 0),
        ("", "", 0),
        ("prod eu", "prod eu", 0),
        ("prüfung", "prüfung", 0),
        ("nonesuch", "nonesuch", 0),
        ("e" * 64, "e" * 64, 0),
        ("e" * 65, "", ENVIRONMENT),
        ("none", "", ENVIRONMENT),
        ("None", "", ENVIRONMENT),
        (".", "", ENVIRONMENT),
        ("..", "", ENVIRONMENT),
        ("...", "...", 0),
        ("a/b", "", ENVIRONMENT),
        ("a\nb", "", ENVIRONMENT),
        ("a\x00b", "", ENVIRONMENT),
        ("a\x7fb", "", ENVIRONMENT),
        ("a\x85b", "", ENVIRONMENT),
        ("latest", "latest", 0),
    ],
)
def test_an_environment_is_valid_or_blanked(environment: str, expected: str, flags: int) -> None:
    given = credentials.read(urlencode({"sentry_environment": environment}).encode(), b"")
    assert (given.environment, given.flags) == (expected, flags)


@pytest.mark.parametrize(
    ("release", "expected", "flags"),
    [
        ("app@1.2.3", "app@1.2.3", 0),
        ("", "", 0),
        ("r" * 200, "r" * 200, 0),
        ("r" * 201, "", RELEASE),
        ("latest", "", RELEASE),
        ("Latest", "", RELEASE),
        ("latest-1", "latest-1", 0),
        (".", "", RELEASE),
        ("..", "", RELEASE),
        ("org/app@1", "", RELEASE),
        ("a\tb", "", RELEASE),
        ("none", "none", 0),
    ],
)
def test_a_release_is_valid_or_blanked(release: str, expected: str, flags: int) -> None:
    given = credentials.read(urlencode({"sentry_release": release}).encode(), b"")
    assert (given.release, given.flags) == (expected, flags)


def test_both_may_be_blanked() -> None:
    given = credentials.read(b"sentry_environment=none&sentry_release=latest&sentry_key=k", b"")
    assert given == credentials.Credentials("k", "", "", ENVIRONMENT | RELEASE)


def test_a_plus_is_a_space_as_in_every_query() -> None:
    assert credentials.read(b"sentry_release=app+1%2B2", b"").release == "app 1+2"


@given(key=text, environment=text, release=text)
def test_what_was_sent_comes_back_or_is_blanked(key: str, environment: str, release: str) -> None:
    query = urlencode({"sentry_key": key, "sentry_environment": environment, "sentry_release": release})
    given = credentials.read(query.encode(), b"")
    assert given.key == key
    assert given.environment == ("" if given.flags & ENVIRONMENT else environment)
    assert given.release == ("" if given.flags & RELEASE else release)


@given(query=st.binary(), header=st.binary())
def test_nothing_that_can_be_sent_breaks_it(query: bytes, header: bytes) -> None:
    given = credentials.read(query, header)
    assert len(given.environment) <= credentials.MAX_ENVIRONMENT
    assert len(given.release) <= credentials.MAX_RELEASE
    for name in (given.environment, given.release):
        assert name not in {".", ".."}
        assert "/" not in name
        assert not any(unicodedata.category(character) == "Cc" for character in name)


@given(key=st.text("0123456789abcdef", min_size=1), others=st.lists(st.text("abc=;_ 7"), max_size=3))
def test_the_header_key_is_found_among_other_fields(key: str, others: list[str]) -> None:
    fields = ", ".join([*others, f"sentry_key={key}"])
    assert credentials.read(b"", f"Sentry {fields}".encode()).key == key
    assert credentials.read(b"sentry_key=" + quote_plus(key).encode(), b"").key == key
