"""``headrace explain`` by the settings of a project."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from storage.projects import project_settings, registry

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers import servers

pytestmark = pytest.mark.integration

BODY = {"csp-report": {"document-uri": "https://a.example/", "effective-directive": "script-src"}}


@pytest.mark.parametrize("project", ["shop", "1"])
def test_the_settings_of_a_project_are_used(bare: servers.Servers, tmp_path: Path, project: str) -> None:
    file = tmp_path / "body.json"
    file.write_text(json.dumps(BODY))
    assert bare.json("explain", str(file))["collapse"]["facts"]["dedupe_window"] == 60
    source = registry.Registry(bare.server)
    fast = project_settings.ProjectSettings(dedupe_window=5)
    source.change("shop", lambda shop: msgspec.structs.replace(shop, settings=fast))
    source.publish(bare.client)
    explained = bare.json("explain", str(file), "--project", project)
    assert explained["collapse"]["facts"]["dedupe_window"] == 5


def test_a_project_that_is_not_there_is_an_error(bare: servers.Servers, tmp_path: Path) -> None:
    file = tmp_path / "body.json"
    file.write_text(json.dumps(BODY))
    done = bare.headrace("explain", str(file), "--project", "nope")
    assert (done.returncode, done.stderr) == (1, "headrace: There is no project 'nope'.\n")
