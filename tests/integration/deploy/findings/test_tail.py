"""``headrace tail``: each report once, however rows grow, merge and arrive late, also after an outage."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import random
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from deploy.embedded import clickhouse as embedded
from deploy.findings import following, periods, selection
from deploy.servers import backends
from storage.projects import registry
from storage.servers import clickhouse
from storage.tables import migrate
from tests.helpers import harness, servers, waiting

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration

NOISE = "chrome-extension://aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/a.js"


def report(page: str, blocked: str = "https://tracker.example/a.gif") -> bytes:
    return json.dumps(
        {
            "csp-report": {
                "document-uri": f"https://shop.example/{page}",
                "effective-directive": "img-src",
                "blocked-uri": blocked,
                "disposition": "enforce",
            }
        }
    ).encode()


def late(page: str, age_ms: int) -> bytes:
    body = {
        "documentURL": f"https://shop.example/{page}",
        "effectiveDirective": "img-src",
        "blockedURL": "https://tracker.example/a.gif",
        "disposition": "enforce",
        "originalPolicy": "img-src 'self'",
        "statusCode": 200,
    }
    return json.dumps(
        [{"type": "csp-violation", "age": age_ms, "url": body["documentURL"], "body": body}]
    ).encode()


@dataclasses.dataclass
class Tail:
    """A running ``headrace tail --json``."""

    process: subprocess.Popen[bytes]
    lines: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    said: list[str] = dataclasses.field(default_factory=list)

    def read(self) -> None:
        """Read until its end."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def hear(self) -> None:
        """Read what it says beside the lines."""
        assert self.process.stderr
        self.said.extend(line.decode() for line in self.process.stderr)

    def told(self, page: str) -> int:
        """Return how many reports of a page it has told."""
        return sum(line["seen"] for line in self.lines if line["document"] == f"https://shop.example/{page}")

    def comes_to(self, page: str, number: int) -> None:
        """Wait until it has told so many."""
        waiting.until(lambda: self.told(page) >= number, f"{number} reports of {page} are told, {self.said}")


@contextlib.contextmanager
def tailing(process: subprocess.Popen[bytes]) -> Iterator[Tail]:
    """Read what a process prints until the end of the block."""
    tail = Tail(process)
    threads = [threading.Thread(target=read) for read in (tail.read, tail.hear)]
    for thread in threads:
        thread.start()
    try:
        yield tail
    finally:
        process.kill()
        process.wait()
        for thread in threads:
            thread.join()
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stderr.close()


def store(bare: servers.Servers, *bodies: bytes) -> None:
    bare.append(*bodies)
    bare.drain()


def test_each_report_is_told_once(bare: servers.Servers) -> None:
    store(bare, report("before"))
    with tailing(bare.start_piped("tail", "--json", "--interval", "0.1")) as tail:
        tail.comes_to("before", 1)
        for _ in range(3):
            store(bare, report("a"), report("a"), report("b"), report("noise", NOISE))
            store(bare, late("late", 3_600_000), late("later", 6 * 86_400_000))
        bare.server.execute("OPTIMIZE TABLE reports_live FINAL")
        # Labels change afterwards: that is no new report.
        bare.server.execute(
            "ALTER TABLE reports_live UPDATE noise = 'injected' WHERE document LIKE '%/b'",
            settings={"mutations_sync": 2},
        )
        for page, number in {"a": 6, "late": 3, "later": 3}.items():
            tail.comes_to(page, number)
        store(bare, report("end"))
        tail.comes_to("end", 1)
        told = {page: tail.told(page) for page in ("before", "a", "late", "later", "noise", "end")}
        assert told == {"before": 1, "a": 6, "late": 3, "later": 3, "noise": 0, "end": 1}
        assert tail.told("b") <= 3
        tail.process.send_signal(signal.SIGINT)
        assert tail.process.wait(waiting.PATIENCE_S) == 130
        assert tail.said == []


def test_it_ends_when_nobody_reads_any_more(bare: servers.Servers) -> None:
    process = bare.start_piped("tail", "--interval", "0.1")
    assert process.stdout
    assert process.stderr
    store(bare, report("a"))
    assert b"tracker.example" in process.stdout.readline()
    process.stdout.close()
    # No further report comes: it notices all the same.
    assert process.wait(waiting.PATIENCE_S) == 1
    assert process.stderr.read() == b""
    process.stderr.close()


def test_it_waits_for_clickhouse_and_misses_nothing(
    redis_server: harness.RedisServer, tmp_path: Path
) -> None:
    log = tmp_path / "clickhouse.log"
    with harness.clickhouse_server(tmp_path) as running:
        migrate.apply(running.address)
        client = redis_server.client()
        client.flushall()
        server = clickhouse.connect(running.address)
        source = registry.Registry(server)
        source.create("shop")
        source.publish(client)
        bare = servers.Servers(redis_server.url, running.address, client, server)
        store(bare, report("before"))
        again = None
        with tailing(bare.start_piped("tail", "--json", "--interval", "0.1")) as tail:
            try:
                tail.comes_to("before", 1)
                running.process.stop()
                waiting.until(lambda: any("when it is back" in line for line in tail.said), "it says so")
                bare.append(report("a"), report("a"), report("b"))
                again = embedded.start(running.server, log)
                waiting.until(
                    lambda: backends.clickhouse_is_ready(running.address), "it is back", child=again, log=log
                )
                bare.drain()
                tail.comes_to("b", 1)
                tail.comes_to("a", 2)
                store(bare, report("end"))
                tail.comes_to("end", 1)
                assert [tail.told(page) for page in ("before", "a", "b")] == [1, 2, 1]
                assert len(tail.said) == 2, tail.said
                assert tail.said[1] == "ClickHouse is back.\n"
            finally:
                server.close()
                client.close()
                if again is not None:
                    again.stop()


def test_lines_from_before(bare: servers.Servers) -> None:
    store(bare, *(report(f"{number}") for number in range(12)), report("noise", NOISE))
    store(bare, report("11"))
    lines = [json.loads(line) for line in bare.headrace("tail", "--once", "--json").stdout.splitlines()]
    assert len(lines) == 10
    assert lines[-1]["document"] == "https://shop.example/11"
    assert [line["last_seen"] for line in lines] == sorted(line["last_seen"] for line in lines)
    everything = bare.headrace("tail", "--once", "--since", "1h", "--noise", "--json").stdout.splitlines()
    assert sum(json.loads(line)["seen"] for line in everything) == 14
    assert bare.headrace("tail", "--once", "-n", "0").stdout == ""
    header, *rows = bare.headrace("tail", "--once", "-n", "2", "--csv").stdout.splitlines()
    assert header.startswith("last_seen,seen,id,title,")
    assert len(rows) == 2


@pytest.mark.parametrize("few", [0, following.FEW])
def test_sums_of_rows_and_of_days_tell_each_report_once(
    bare: servers.Servers, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")  # noqa: T201 - a failure can be repeated
    chance = random.Random(seed)
    monkeypatch.setattr(following, "FEW", few)
    project = selection.ProjectName(1, "shop")
    now = clickhouse.now_ms(bare.server)
    period = periods.period(periods.parse("9d"), now, 1)
    follower = following.Follower(selection.ChosenReports(project, selection.Filters(), period))
    ages = (0, 1_000, 60_000, 299_000, 301_000, 400_000, 3_600_000, 86_400_000, 8 * 86_400_000)
    stored, told = 0, 0

    def insert() -> int:
        rows = []
        for _ in range(chance.randint(1, 5)):
            at = (now - chance.choice(ages)) // 1000
            # Windows of a minute and windows of a day: rows of these begin long before they grow last.
            start = at - at % chance.choice((60, 86_400))
            begin, end = (dt.datetime.fromtimestamp(time, dt.UTC) for time in (start, at))
            seen = chance.randint(1, 3)
            what = (chance.randint(1, 3), chance.randint(1, 3))
            rows.append((1, "prod", chance.choice("12"), "csp", begin, end, end, seen, *what))
        names = "project_id, environment, release, kind, window_start, first_seen, last_seen, seen, "
        names += "fingerprint, identity"
        bare.server.execute(f"INSERT INTO reports_live ({names}) VALUES", rows)
        return sum(row[7] for row in rows)

    stored += insert()
    told += sum(one.seen for one in follower.begin(bare.server, 1 << 31))
    for _ in range(12):
        stored += insert()
        if chance.random() < 0.2:
            bare.server.execute("OPTIMIZE TABLE reports_live FINAL")
        monkeypatch.setattr(following, "SWEEP_MS", chance.choice((0, 1 << 40)))
        monkeypatch.setattr(following, "RECENT_MS", chance.choice((1_000, 300_000, 7_200_000)))
        told += sum(one.seen for one in follower.look(bare.server))
    monkeypatch.setattr(following, "SWEEP_MS", 0)
    told += sum(one.seen for one in follower.look(bare.server))
    assert told == stored
    assert follower.look(bare.server) == []


def test_a_look_that_fails_changes_nothing(bare: servers.Servers) -> None:
    project = selection.ProjectName(1, "shop")
    period = periods.period(periods.parse("9d"), clickhouse.now_ms(bare.server), 1)
    follower = following.Follower(selection.ChosenReports(project, selection.Filters(), period))
    assert follower.begin(bare.server, 10) == []
    store(bare, report("a"))
    bare.server.execute("RENAME TABLE reports TO elsewhere")
    with pytest.raises(clickhouse.QueryError):
        follower.look(bare.server)
    bare.server.execute("RENAME TABLE elsewhere TO reports")
    assert [one.seen for one in follower.look(bare.server)] == [1]
    assert follower.look(bare.server) == []
