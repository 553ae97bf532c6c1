"""What a command changed counts at every edge when the command returns."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import itertools
import json
import os
import random
import signal
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import pytest
import redis
from typer import testing

from deploy import cli
from deploy.network import addresses, ports
from deploy.processes import child
from storage.projects import edges, registry
from tests.helpers import harness, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psutil

    from tests.helpers import servers

pytestmark = pytest.mark.integration

REPORT = b'{"csp-report":{"document-uri":"https://a.example/","effective-directive":"script-src"}}'
PROCESSES = 2
"""The processes of each edge."""
ALL_KNOW = f"{2 * PROCESSES} of {2 * PROCESSES} edge processes go by this change.\n"


def posted(url: str) -> int:
    """Send a report over a connection of its own, and return the status of the answer."""
    parts = urlsplit(url)
    with contextlib.closing(http.client.HTTPConnection(parts.netloc, timeout=60)) as connection:
        connection.request("POST", f"{parts.path}?{parts.query}", REPORT)
        return connection.getresponse().status


class Machine:
    """A machine of its own, as far as Headrace is concerned: an edge with its processes."""

    def __init__(self, bare: servers.Servers, directory: Path) -> None:
        listen = f"{addresses.LOOPBACK}:{ports.free_port()}"
        environment = {
            **os.environ,
            **bare.environment,
            "PYTHONPATH": str(harness.ROOT),
            "HEADRACE_LISTEN": listen,
            "HEADRACE_EDGE_PROCESSES": str(PROCESSES),
        }
        command = [sys.executable, "-P", "-m", "deploy", "edge"]
        self.netloc = listen
        self.process = child.Child(command, directory / f"{listen}.log", environment)

    def post(self, target: str) -> int:
        """Send a report over a connection of its own, and return the status of the answer."""
        return posted(f"http://{self.netloc}{target}")

    def workers(self) -> list[psutil.Process]:
        """Return the processes that answer."""
        return self.process.family()[1:]


class Installation:
    """Commands, and the edges of two machines that are all asked what they answer."""

    def __init__(self, bare: servers.Servers, machines: list[Machine]) -> None:
        self.bare = bare
        self.machines = machines
        self.commands = 0
        self._runner = testing.CliRunner(env={**bare.environment, "HEADRACE_PUBLIC_URL": "http://edge.test"})

    def run(self, *arguments: str) -> tuple[str, str]:
        """Run a command in this process, and return what it prints on stdout and on stderr."""
        self.commands += 1
        done = self._runner.invoke(cli.app, list(arguments), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout, done.stderr

    def json(self, *arguments: str) -> Any:
        """Run a command that all edges follow, and return what it found."""
        printed, told = self.run(*arguments, "--json")
        assert told == ALL_KNOW
        return json.loads(printed)

    def answers(self, project: int, key: str, machines: list[Machine] | None = None) -> set[int]:
        """Return all that is answered to reports under a key, over several connections for each process."""
        target = f"/api/{project}/security/?sentry_key={key}"
        asked = (machines or self.machines) * (2 * PROCESSES)
        with concurrent.futures.ThreadPoolExecutor(len(asked)) as pool:
            return set(pool.map(lambda machine: machine.post(target), asked))


@pytest.fixture
def both(bare: servers.Servers, tmp_path: Path) -> Iterator[Installation]:
    machines = [Machine(bare, tmp_path) for _ in range(2)]
    try:
        assert child.wait_until(lambda: len(edges.look(bare.client).know) == 2 * PROCESSES, 60)
        yield Installation(bare, machines)
    finally:
        for machine in machines:
            machine.process.stop()


def test_every_command_counts_at_every_edge_when_it_returns(both: Installation, tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)  # noqa: T201 - shown when it fails
    rng = random.Random(seed)
    file = tmp_path / "projects.toml"
    project = both.json("project", "create", "first")
    number, keys = project["id"], list(project["keys"])
    statuses = {"disable": 403, "enable": 200, "retire": 410}
    for turn in itertools.takewhile(lambda _: both.commands < 50, itertools.count()):
        kind = rng.choice(("create", "import", "add", "rotate", "disable key", "status"))
        print(turn, kind)  # noqa: T201 - shown when it fails
        if kind == "create":
            made = both.json("project", "create", f"made {turn}")
            assert both.answers(made["id"], made["key"]) == {200}
        elif kind == "import":
            file.write_text(f"[projects.'imported {turn}']\n", "utf-8")
            both.json("project", "import", str(file))
            made = json.loads(both.run("project", "show", f"imported {turn}", "--json")[0])
            assert both.answers(made["id"], made["key"]) == {200}
        elif kind == "add":
            keys.append(both.json("key", "add", "first")[-1]["key"])
            assert both.answers(number, keys[-1]) == {200}
        elif kind == "rotate":
            old, keys = keys[0], [both.json("key", "rotate", "first", "--grace", "0")[0]["key"], *keys[1:]]
            assert both.answers(number, keys[0]) == {200}
            assert both.answers(number, old) == {403}
        elif kind == "disable key" and len(keys) > 1:
            both.json("key", "disable", "first", keys[-1])
            assert both.answers(number, keys.pop()) == {403}
        else:
            for verb, status in rng.sample(sorted(statuses.items()), 2):
                both.json("project", verb, "first")
                assert both.answers(number, keys[0]) == {status}
            both.json("project", "enable", "first")


def test_an_edge_that_is_frozen_or_dead_is_not_waited_for_long(
    both: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = both.machines
    frozen = one.workers()
    for process in frozen:
        process.send_signal(signal.SIGSTOP)
    try:
        monkeypatch.setattr(edges, "FOLLOW_S", 10.0)
        printed, told = both.run("project", "create", "new", "--json")
    finally:
        for process in frozen:
            process.send_signal(signal.SIGCONT)
    first, *late = told.splitlines()
    assert first == "2 of 4 edge processes go by this change."
    assert sorted(line.partition(" on ")[0] for line in late) == sorted(
        f"The edge process {process.pid}" for process in frozen
    )
    assert all(line.endswith("goes by it once it has looked.") for line in late)
    made = json.loads(printed)
    assert both.answers(made["id"], made["key"], [other]) == {200}
    assert child.wait_until(lambda: both.answers(made["id"], made["key"]) == {200}, 60)
    one.process.wait(0)
    made = json.loads(both.run("project", "create", "newer", "--json")[0])
    assert child.wait_until(lambda: len(edges.look(both.bare.client).know) == PROCESSES, 60)
    monkeypatch.setattr(edges, "FOLLOW_S", waiting.PATIENCE_S)
    assert both.run("key", "add", "newer")[1] == "2 of 2 edge processes go by this change.\n"


def test_an_edge_that_starts_goes_by_what_was_changed_meanwhile(both: Installation, tmp_path: Path) -> None:
    third = Machine(both.bare, tmp_path)
    try:
        for number in itertools.count():
            made = json.loads(both.run("project", "create", f"p{number}", "--json")[0])
            with contextlib.suppress(OSError, http.client.HTTPException):
                assert third.post(f"/api/{made['id']}/security/?sentry_key={made['key']}") == 200
                break
    finally:
        third.process.stop()


def test_without_an_edge_the_command_says_so(bare: servers.Servers) -> None:
    installation = Installation(bare, [])
    assert installation.run("project", "create", "lonely")[1] == (
        "No edge has told this Redis of itself: any goes by this change once it has looked.\n"
    )
    assert installation.run("project", "list")[1] == ""


def test_a_redis_that_shows_no_connections_is_told(bare: servers.Servers) -> None:
    bare.client.acl_setuser(
        "limited",
        enabled=True,
        passwords="+secret",
        keys="*",
        channels="*",
        categories=["+@all"],
        commands=["-client"],
    )
    try:
        limited = bare.redis_url.replace("redis://", "redis://limited:secret@")
        done = bare.headrace("project", "list")
        assert done.returncode == 0
        done = harness.headrace("key", "add", "shop", **{**bare.environment, "HEADRACE_REDIS_URL": limited})
    finally:
        bare.client.acl_deluser("limited")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("Redis does not say who is connected: ")
    assert done.stderr.endswith(" Each edge looks five times a second for what was changed.\n")


def test_a_later_registry_in_redis_is_told(bare: servers.Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edges, "FOLLOW_S", 0.3)
    snapshot = registry.read_snapshot(bare.client)
    assert snapshot is not None
    later = msgspec.structs.replace(snapshot, version=snapshot.version + 10**9)
    bare.client.set(registry.SNAPSHOT_KEY, msgspec.msgpack.encode(later))
    bare.client.set(registry.VERSION_KEY, str(later.version))
    assert Installation(bare, []).run("key", "add", "shop")[1] == (
        "Redis holds a later registry than ClickHouse: maintenance replaces it, once it runs.\n"
    )


def test_a_command_waits_for_maintenance_to_replace_a_later_registry(
    system: harness.System,
) -> None:
    with contextlib.closing(redis.Redis.from_url(system.runtime.redis_url)) as client:
        snapshot = registry.read_snapshot(client)
        assert snapshot is not None
        later = msgspec.structs.replace(snapshot, version=snapshot.version + 10**12)
        client.set(registry.SNAPSHOT_KEY, msgspec.msgpack.encode(later))
        client.set(registry.VERSION_KEY, str(later.version))
    made = system.json("project", "create", "after the restore")
    assert posted(made["endpoint"]) == 200


def test_the_endpoint_that_up_prints_takes_reports_at_once(tmp_path: Path) -> None:
    with harness.system(tmp_path) as running:
        endpoint = running.project["endpoint"]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = set(pool.map(posted, [endpoint] * 32))
    assert answers == {200}
