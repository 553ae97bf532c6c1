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
KEY = st.text("0123456789abcdefXYZ_-", min_size=1)


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
        (" prod\t", "prod", 0),
        ("'prod'", "prod", 0),
        ("  ", "", 0),
        ("/", "", ENVIRONMENT),
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
        (" 1.0 ", "1.0", 0),
        ('"1.0"', "1.0", 0),
        ("1.0/", "1.0", 0),
        ("?", "", RELEASE),
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


LABEL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="sh;,?&%\"'`<>=/|\\"))


@given(key=KEY, environment=LABEL, release=LABEL)
def test_what_was_sent_comes_back_or_is_blanked(key: str, environment: str, release: str) -> None:
    query = urlencode({"sentry_key": key, "sentry_environment": environment, "sentry_release": release})
    given = credentials.read(query.encode(), b"")
    assert given.key == key
    assert given.environment == ("" if given.flags & ENVIRONMENT else environment.strip())
    assert given.release == ("" if given.flags & RELEASE else release.strip())


WHOLE = "sentry_key=0123456789abcdef&sentry_environment=prod&sentry_release=app%401.0"
WHOLE_SWAPPED = "sentry_release=app%401.0&sentry_environment=prod&sentry_key=0123456789abcdef"
MANGLED = [
    "?{}",
    "{}?{}",
    "{}&{}",
    "{}/",
    "{}//",
    '{}"',
    "{}'",
    "{};",
    "{},",
    "{}, {}",
    "{}%22",
    "{}%27%3B",
    "{}+",
    "{}%20",
    "{}%0A",
    "{}>",
    "{}&amp;x=1",
    "{}&quot;",
    "{}%3F{}",
    "{}%3f{}",
    "{}%253Fsentry_key%253D0123456789abcdef",
    "{}%26sentry_key%3D0123456789abcdef",
    "{}?sentry_ke",
    "{}&sentry",
    "{}?0123456789abcdef",
    "{}sentry_key=0123456789abcdef",
    "{}; script-src 'self'",
    "{};report-to csp",
    "{}%3B+default-src+%27none%27",
    "{}, Report-To: x",
    "{}+https://b.example/api/1/security/?{}",
    "{}https://b.example/api/1/security/?{}",
    "{}%20https%3A%2F%2Fb.example%2F%3F{}",
    "{}+/csp",
    "{} report-to default",
    "{}\\",
]


@pytest.mark.parametrize("pattern", MANGLED)
@pytest.mark.parametrize("whole", [WHOLE, WHOLE_SWAPPED])
def test_a_mangled_endpoint_keeps_its_labels(pattern: str, whole: str) -> None:
    sent = pattern.replace("{}", whole)
    given = credentials.read(sent.encode(), b"")
    assert given == credentials.Credentials("0123456789abcdef", "prod", "app@1.0", 0)


def test_a_key_glued_to_a_label_is_cut_off() -> None:
    given = credentials.read(f"{WHOLE}0123456789abcdef".encode(), b"")
    assert given == credentials.Credentials("0123456789abcdef", "prod", "app@1.0", 0)


@pytest.mark.parametrize("glue", ["&amp;", "&#38;", ";", "?", "%26", "&&", "%3B"])
def test_parameters_may_be_glued_by_something_else(glue: str) -> None:
    sent = WHOLE.replace("&", glue)
    given = credentials.read(sent.encode(), b"")
    assert given == credentials.Credentials("0123456789abcdef", "prod", "app@1.0", 0)


@pytest.mark.parametrize(
    "label",
    ["1.0;beta", "R&D", "a,b", "sentry-python@2.1", "https-only", "eu;us", "what?", "50%", "a=b", "x-src"],
)
def test_a_label_may_look_odd(label: str) -> None:
    query = urlencode(
        {"sentry_key": "0123456789abcdef", "sentry_environment": label, "sentry_release": label}
    )
    given = credentials.read(query.encode(), b"")
    assert (given.environment, given.release, given.flags) == (label.rstrip("?"), label.rstrip("?"), 0)


@given(
    parts=st.lists(
        st.sampled_from(
            [
                *"?&;,/%=\"' +",
                "amp;",
                "%3F",
                "%26",
                "%2526",
                "sentry_",
                "sentry_key=",
                "sentry_release=",
                "sentry_environment=",
                "0123456789abcdef",
                "prod",
                "1.0",
                "https://",
            ]
        )
    )
)
def test_no_part_of_a_key_ends_in_a_label(parts: list[str]) -> None:
    given = credentials.read(("sentry_key=0123456789abcdef&" + "".join(parts)).encode(), b"")
    assert given.key == "0123456789abcdef"
    for label in (given.environment, given.release):
        assert given.key not in label
        assert "sentry_key" not in label
        assert label == label.strip()


@pytest.mark.parametrize(
    "sent", ['"abc12345"', "abc12345/", "abc12345;", " abc12345 ", "abc12345?sentry_version=7"]
)
def test_a_key_in_the_header_may_be_mangled_too(sent: str) -> None:
    assert credentials.read(b"", f"Sentry sentry_key={sent}, sentry_version=7".encode()).key == "abc12345"


@pytest.mark.parametrize("label", ["my_sentry_release", "pre-sentry_key-x", "sentry_keys", "sentry_key-2"])
def test_a_label_may_hold_the_name_of_a_parameter_in_a_word(label: str) -> None:
    query = urlencode({"sentry_key": "k" * 16, "sentry_environment": label, "sentry_release": label})
    assert credentials.read(query.encode(), b"") == credentials.Credentials("k" * 16, label, label, 0)


@pytest.mark.parametrize(
    "other",
    [
        "next=https://a.example/?sentry_key=other",
        "next=sentry_key=other",
        "a.sentry_key=other",
        "my_sentry_key=other",
        "sentry_release=1.0 sentry_key=other",
    ],
)
def test_a_key_of_its_own_counts_before_one_in_another_parameter(other: str) -> None:
    assert credentials.read(f"{other}&sentry_key=own".encode(), b"").key == "own"


def test_a_word_that_ends_like_a_parameter_is_none() -> None:
    assert credentials.read(b"my_sentry_key=abc12345", b"").key == ""


def test_a_long_mangled_query_is_read_at_once() -> None:
    hostile = ("/" * 30_000, "%25" * 10_000, "sentry_key=" * 3_000, "a/" * 15_000, ";;x" * 10_000)
    for sent in (*hostile, f"a{'+' * 1_000_000}a"):
        credentials.read(f"sentry_release={sent}&sentry_environment={sent}x&sentry_key={sent}".encode(), b"")


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
