"""Steps of a change that a contributor could forget without noticing: what is declared is also used."""

from __future__ import annotations

import re

import pytest

from storage.limits import quotas
from tests.helpers import house, paths
from workers.model import outcomes


def mentioned(name: str, declared_in: str) -> bool:
    """Tell whether a name stands as a word in a module of the product other than the one that declares it."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    others = (module.path for module in house.modules() if module.where != declared_in)
    return any(word.search(path.read_text("utf-8")) for path in others)


@pytest.mark.parametrize("reason", outcomes.Reason, ids=lambda reason: reason.value)
def test_every_reason_is_given_somewhere(reason: outcomes.Reason) -> None:
    given = mentioned(f"Reason.{reason.name}", "workers/model/outcomes.py")
    assert given or reason.value in quotas.BY_REASON


@pytest.mark.parametrize("reason", outcomes.Reason, ids=lambda reason: reason.value)
def test_every_reason_is_explained_in_its_own_words(reason: outcomes.Reason) -> None:
    page = (paths.DOCS / "query" / "outcomes.md").read_text("utf-8")
    assert f"| `{reason.value}` | {reason.meaning} |" in page.splitlines()
