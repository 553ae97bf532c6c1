"""Settings: what is taken, and the sentence for what is not."""

from __future__ import annotations

import pytest

from deploy import settings
from deploy.network import addresses
from storage.servers import clickhouse
from tests.helpers import paths

REDIS = "must be redis://[user:password@]host[:port][/database] or rediss://…, not "
FIELDS = settings.Settings.model_fields


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in FIELDS:
        monkeypatch.delenv(settings.PREFIX + name.upper(), raising=False)


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("WORKERS", "0", "must be greater than or equal to 1, not '0'"),
        ("WORKERS", "many", "must be a valid integer, not 'many'"),
        ("EDGE_PROCESSES", "65", "must be less than or equal to 64, not '65'"),
        ("SHARDS", "257", "must be less than or equal to 256, not '257'"),
        ("MAX_BODY", "12", "must be greater than or equal to 1024, not '12'"),
        ("HIGH_WATER", "1", "must be less than 1, not '1'"),
        ("HIGH_WATER", "nan", "must be less than 1, not 'nan'"),
        ("REDIS_MAXMEMORY", "1GB", "must be a valid integer, not '1GB'"),
        ("REDIS_APPENDFSYNC", "no", "must be 'always' or 'everysec', not 'no'"),
        ("LOG_LEVEL", "chatty", "must be 'debug', 'info', 'warning' or 'error', not 'chatty'"),
        ("LOG_FORMAT", "xml", "must be 'json' or 'console', not 'xml'"),
        ("LISTEN", "8000", "must be host:port, such as 127.0.0.1:8000 or [::1]:8000, not '8000'"),
        ("LISTEN", "h:99999", "must be host:port, such as 127.0.0.1:8000 or [::1]:8000, not 'h:99999'"),
        ("PUBLIC_URL", "example.com", "must be http://host[:port][/path] or https://host[:port][/path]"),
        ("PUBLIC_URL", "https://[::1", "must be http://host[:port][/path] or https://host[:port][/path]"),
        ("PUBLIC_URL", "https://h:99999", "must be http://host[:port][/path] or https://host[:port][/path]"),
        ("LISTEN", "[::1:80", "must be host:port, such as 127.0.0.1:8000 or [::1]:8000, not '[::1:80'"),
        ("CLICKHOUSE_URL", "clickhouse://[x]:1", "must be clickhouse://user:password@host:port/database"),
        ("REDIS_URL", "redis://h:0", REDIS),
        ("REDIS_URL", "http://a", REDIS),
        ("REDIS_URL", "redis://", REDIS),
        ("REDIS_URL", "redis://h:port", REDIS),
        ("CLICKHOUSE_URL", "http://a:1", "must be clickhouse://user:password@host:port/database"),
        ("CLICKHOUSE_URL", "clickhouse://a", "must be clickhouse://user:password@host:port/database"),
        ("ANALYST_URL", "clickhouse://a:b", "must be clickhouse://user:password@host:port/database"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(f"HEADRACE_{variable}", value)
    with pytest.raises(settings.SettingsError) as caught:
        settings.load()
    assert str(caught.value).startswith(f"HEADRACE_{variable} {sentence}")
    assert "\n" not in str(caught.value)


def test_a_password_is_not_repeated_in_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_CLICKHOUSE_URL", "clickhouse://user:secret@host")
    with pytest.raises(settings.SettingsError) as caught:
        settings.load()
    assert "secret" not in str(caught.value)


def test_an_option_of_the_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_WORKERS", "3")
    assert settings.load(workers=2).workers == 2
    assert settings.load(workers=None).workers == 3


def test_other_processes_read_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings.load(workers=3, shards=5, public_url="https://reports.example/")
    for name, value in settings.environment(given, redis_url="redis://h:1/0").items():
        monkeypatch.setenv(name, value)
    assert settings.load() == given.model_copy(update={"redis_url": "redis://h:1/0"})


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_says_why(name: str) -> None:
    assert len(FIELDS[name].description or "") > 40


def test_the_documentation_describes_every_setting_as_declared() -> None:
    page = (paths.DOCS / "operate" / "settings.md").read_text("utf-8")
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `HEADRACE_")]
    declared = {f"`{settings.PREFIX}{name.upper()}`": field.description for name, field in FIELDS.items()}
    assert {name: meaning for name, _, meaning in rows} == declared


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("clickhouse://h:9000", clickhouse.Address("h", 9000, "default", "", "headrace")),
        ("clickhouse://u:p%40%2F@h:9000/db", clickhouse.Address("h", 9000, "u", "p@/", "db")),
        ("clickhouse://u@[::1]:9000/db", clickhouse.Address("::1", 9000, "u", "", "db")),
    ],
)
def test_a_clickhouse_url_is_an_address(url: str, address: clickhouse.Address) -> None:
    assert addresses.clickhouse_address(url) == address


@pytest.mark.parametrize("text", ["127.0.0.1:8000", "[::1]:8000", "reports.example:80"])
def test_an_endpoint_reads_what_it_prints(text: str) -> None:
    assert str(addresses.ListenAddress.parse(text)) == text
