"""Projects and their keys from the command line, on a running system."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import redis

from deploy.network import addresses, ports
from deploy.processes import child
from storage.projects import registry
from tests.helpers import harness, servers, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration

REPORT = b'{"csp-report":{"document-uri":"https://a.example/","effective-directive":"script-src"}}'


class Edges:
    """The edge of the system, and another one on the same backends."""

    def __init__(self, bases: list[str]) -> None:
        self._bases = bases

    def answers(self, project: dict[str, Any], key: str, **headers: str) -> list[int]:
        """Return what each edge answers to a report under a key."""
        path = f"/api/{project['id']}/security/?sentry_key={key}"
        with httpx.Client(timeout=waiting.PATIENCE_S) as http:
            return [
                http.post(base + path, content=REPORT, headers=headers).status_code for base in self._bases
            ]

    def come_to(self, status: int, project: dict[str, Any], key: str, **headers: str) -> None:
        """Wait until each edge answers with this status."""
        wanted = [status] * len(self._bases)
        waiting.until(lambda: self.answers(project, key, **headers) == wanted, f"both edges answer {status}")


@pytest.fixture(scope="module")
def both(system: harness.System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edges]:
    listen = f"{addresses.LOOPBACK}:{ports.free_port()}"
    command = [sys.executable, "-P", "-m", "deploy", "edge", "--data", str(system.directory)]
    environment = {**os.environ, "PYTHONPATH": str(harness.ROOT), "HEADRACE_LISTEN": listen}
    log = tmp_path_factory.mktemp("second") / "edge.log"
    second = child.Child(command, log, environment)
    bases = [system.edge_url, f"http://{listen}"]
    try:
        waiting.until(lambda: is_ready(bases[1]), "the second edge is ready", child=second, log=log)
        yield Edges(bases)
    finally:
        second.stop()


def is_ready(base: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{base}/readyz", timeout=waiting.PATIENCE_S).status_code == httpx.codes.OK
    return False


def test_a_key_is_rotated_with_a_grace_at_every_edge(system: harness.System, both: Edges) -> None:
    project = system.json("project", "create", "rotating")
    old = project["key"]
    both.come_to(200, project, old)
    new, ending = system.json("key", "rotate", "rotating", "--grace", "3s")
    assert (ending["key"], ending["state"], new["valid_until"]) == (old, "enabled", None)
    both.come_to(200, project, new["key"])
    assert system.json("project", "show", "rotating")["key"] == new["key"]
    both.come_to(403, project, old)
    assert [key["state"] for key in system.json("key", "list", "rotating")] == ["enabled", "ended"]
    assert "ended" in system.headrace("key", "list", "rotating").stdout


def test_keys_are_added_and_disabled(system: harness.System, both: Edges) -> None:
    project = system.json("project", "create", "several")
    first, second = system.json("key", "add", "several")
    assert first["key"] == project["key"]
    both.come_to(200, project, second["key"])
    system.json("key", "disable", "several", first["key"])
    both.come_to(403, project, first["key"])
    assert both.answers(project, second["key"]) == [200, 200]
    done = system.headrace("key", "disable", "several", second["key"])
    assert (done.returncode, done.stderr) == (
        1,
        "headrace: A project keeps an enabled key that does not end: add or rotate one first.\n",
    )
    assert system.json("project", "rotate-key", "several", "--grace", "0")[1]["state"] == "ended"


@pytest.mark.parametrize("grace", ["7", "d", "-1d", "7 days", "1y", ""])
def test_a_grace_is_a_time(system: harness.System, grace: str) -> None:
    done = system.headrace("key", "rotate", "default", f"--grace={grace}")
    assert done.returncode == 2
    assert "a time such as 7d, 12h, 30m, 90s or 0" in done.stderr


def test_settings_are_set_explained_and_reset(system: harness.System, both: Edges) -> None:
    project = system.json("project", "create", "settled")
    both.come_to(200, project, project["key"], Origin="https://evil.test")
    done = system.headrace("project", "set", "settled", "allowed_origins=https://a.example", "retention=30")
    assert done.stdout == "allowed_origins: empty → https://a.example\nretention: 0 → 30\n"
    both.come_to(403, project, project["key"], Origin="https://evil.test")
    assert both.answers(project, project["key"], Origin="https://a.example") == [200, 200]
    shown = system.json("project", "show", "settled")["settings"]
    assert (shown["retention"], shown["dedupe_window"]) == (30, 60)
    explained = system.headrace("project", "show", "settled").stdout
    assert "Seconds over which equal reports collapse" in explained
    reset = system.json("project", "set", "settled", "allowed_origins=", "retention=")
    assert reset["settings"]["allowed_origins"] == []
    both.come_to(200, project, project["key"], Origin="https://evil.test")
    done = system.headrace("project", "set", "settled", "dedupe_window=never")
    assert (done.returncode, done.stderr) == (
        1,
        "headrace: dedupe_window is a whole number from 0 to 86400: 'never' is not.\n",
    )


def test_a_project_is_renamed_and_retired(system: harness.System, both: Edges) -> None:
    project = system.json("project", "create", "before")
    assert system.json("project", "rename", "before", "after")["id"] == project["id"]
    assert system.json("project", "rename", "after", "after")["name"] == "after"
    assert (
        "There is a project 'default' already"
        in system.headrace("project", "rename", "after", "default").stderr
    )
    both.come_to(200, project, project["key"])
    assert system.json("project", "retire", "after")["status"] == "retired"
    both.come_to(410, project, project["key"])


def test_a_retired_project_is_deleted_when_it_is_confirmed(system: harness.System, both: Edges) -> None:
    project = system.json("project", "create", "leaving")
    both.come_to(200, project, project["key"])
    system.wait_drained()
    assert "retire 'leaving' first" in system.headrace("project", "delete", "leaving", "--yes").stderr
    system.json("project", "retire", "leaving")
    assert "say --yes" in system.headrace("project", "delete", "leaving").stderr
    sentence = f"Project {project['id']}, leaving, is deleted.\n"
    waiting.until(
        lambda: system.headrace("project", "delete", "leaving", "--yes").stdout == sentence, "it is deleted"
    )
    both.come_to(403, project, project["key"])
    assert "There is no project 'leaving'" in system.headrace("project", "show", "leaving").stderr
    again = system.headrace("project", "delete", str(project["id"]), "--yes")
    assert again.stdout == f"Project {project['id']}, deleted before, is deleted.\n"
    assert "There is no project 'never'" in system.headrace("project", "delete", "never", "--yes").stderr
    assert system.ledger()["balanced"]


def test_projects_go_to_a_file_and_come_back(system: harness.System, tmp_path: Path) -> None:
    system.json("project", "create", "filed")
    system.json("project", "set", "filed", "retention=7", "allowed_origins=null")
    system.json("key", "rotate", "filed")
    file = tmp_path / "projects.toml"
    file.write_text(system.headrace("project", "export", "filed").stdout, "utf-8")
    assert system.headrace("project", "import", str(file)).stdout == "Nothing changes.\n"
    before = system.json("project", "show", "filed"), system.json("key", "list", "filed")
    system.json("project", "set", "filed", "retention=")
    expected = [{"project": "filed", "changes": ["retention 0 → 7"]}]
    assert system.json("project", "import", str(file), "--dry-run") == expected
    assert system.json("project", "show", "filed")["settings"]["retention"] == 0
    assert system.headrace("project", "import", str(file)).stdout == "filed: retention 0 → 7\n"
    assert (system.json("project", "show", "filed"), system.json("key", "list", "filed")) == before
    file.write_text("[projects.fresh]\nid = 4242\n[projects.filed.settings]\nretention = 8\n", "utf-8")
    assert len(system.json("project", "import", str(file))) == 2
    assert system.json("project", "show", "fresh")["id"] == 4242
    file.write_bytes(b"\xff")
    assert "is no text in UTF-8" in system.headrace("project", "import", str(file)).stderr
    assert "No such file" in system.headrace("project", "import", str(tmp_path / "none")).stderr
    whole = system.headrace("project", "export").stdout
    assert "[projects.default]" in whole


def test_nothing_of_a_file_with_a_mistake_is_imported(system: harness.System, tmp_path: Path) -> None:
    file = tmp_path / "projects.toml"
    file.write_text("[projects.early]\n[projects.late.settings]\nretention = -1\n", "utf-8")
    done = system.headrace("project", "import", str(file))
    assert (done.returncode, done.stdout) == (1, "")
    assert "projects.late: retention is a whole number from 0" in done.stderr
    assert "There is no project 'early'" in system.headrace("project", "show", "early").stderr


def test_an_emptied_redis_gets_the_registry_back_by_itself(system: harness.System, both: Edges) -> None:
    project = system.project
    system.wait_drained()
    with contextlib.closing(redis.Redis.from_url(system.runtime.redis_url)) as client:
        client.delete(registry.SNAPSHOT_KEY, registry.VERSION_KEY)
    seen = set()

    def takes_reports_again() -> bool:
        answers = both.answers(project, project["key"])
        seen.update(answers)
        return answers == [200, 200]

    waiting.until(lambda: takes_reports_again() and registered(system), "the registry is back")
    waiting.until(takes_reports_again, "both edges take reports, though one may see late that it was gone")
    assert seen <= {200, 503}


def registered(system: harness.System) -> bool:
    with contextlib.closing(redis.Redis.from_url(system.runtime.redis_url)) as client:
        return registry.read_snapshot(client) is not None


def test_a_project_knows_where_its_keys_are_used(bare: servers.Servers) -> None:
    bare.server.execute(
        """
        INSERT INTO outcomes (minute, project_id, key, release, outcome, reason, quantity)
        SELECT now() - INTERVAL u.1 DAY, u.2, u.3, u.4, u.5, u.6, u.7 FROM (SELECT arrayJoin([
            (0, 1, 'old', '1', 'accepted', '', 3), (0, 1, 'old', '1', 'refused', 'expired_key', 2),
            (0, 1, 'new', '2', 'accepted', '', 5), (0, 2, 'alien', '', 'accepted', '', 9),
            (9, 1, 'ancient', '', 'accepted', '', 1)
        ]) AS u)
        """
    )
    found = bare.json("key", "usage", "shop")
    assert [(row["key"], row["release"], row["accepted"], row["refused"]) for row in found] == [
        ("new", "2", 5, 0),
        ("old", "1", 3, 2),
    ]
    assert "ancient" in bare.headrace("key", "usage", "shop", "--days", "10").stdout
