"""What the commands that change projects publish, without maintenance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.projects import model, registry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers import servers

pytestmark = pytest.mark.integration


def published(bare: servers.Servers) -> list[str]:
    snapshot = registry.read_snapshot(bare.client)
    assert snapshot is not None
    return [project.name for project in snapshot.projects]


def test_what_an_import_stored_before_it_failed_is_published(bare: servers.Servers, tmp_path: Path) -> None:
    file = tmp_path / "projects.toml"
    file.write_text(f"[projects.early]\n[projects.late]\nid = {model.MOST_ID + 1}\n", "utf-8")
    done = bare.headrace("project", "import", str(file))
    assert done.returncode == 1
    assert "too high" in done.stderr
    assert published(bare) == ["shop", "early"]


def test_a_redis_that_is_away_does_not_hide_what_went_wrong_first(
    bare: servers.Servers, tmp_path: Path
) -> None:
    file = tmp_path / "projects.toml"
    file.write_text(f"[projects.late]\nid = {model.MOST_ID + 1}\n", "utf-8")
    bare.client.config_set("maxmemory", "1")
    try:
        done = bare.headrace("project", "import", str(file))
    finally:
        bare.client.config_set("maxmemory", "0")
    assert done.returncode == 1
    assert "too high" in done.stderr
