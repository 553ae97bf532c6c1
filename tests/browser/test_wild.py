"""No report that a real browser sends is said to be impossible, whatever page and policy it is about."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from typing import TYPE_CHECKING, Final

import pytest

from tests.browser.wild import capture
from tests.helpers import waiting
from workers import impossible
from workers.stages import evaluate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser.browsers import Browser

pytestmark = pytest.mark.browser

_PAGES: Final = 150
_FEW: Final = 50
"""Reports: fewer would say that the pages did not reach the browser."""
_SEED: Final = "HEADRACE_TEST_SEED"

Contradiction = impossible.Contradiction


def contradictions(one: capture.Capture, *, verbatim: bool) -> set[Contradiction]:
    key = evaluate.EvaluationKey(json.dumps(one.report).encode(), verbatim=verbatim)
    (evaluated,) = evaluate.evaluate_payloads([key])
    return {finding.contradiction for _, finding in evaluated.findings}


def test_what_browsers_report_of_wild_pages_is_possible(browser: Browser, tmp_path: Path) -> None:
    seed = int(os.environ.get(_SEED) or secrets.randbelow(2**31))
    print(f"{_SEED}={seed}")  # noqa: T201 - shown when the test fails
    secure = shutil.which("certutil") is not None
    wild = capture.visited(browser, capture.Wild(seed, _PAGES, secure=secure), tmp_path, waiting.PATIENCE_S)
    assert len(wild.captures) > _FEW
    for one in wild.captures:
        found = contradictions(one, verbatim=False)
        if browser.name == "chromium":
            found |= contradictions(one, verbatim=True)
        possible = {Contradiction.NONE, Contradiction.ALLOWED} if one.redirected else {Contradiction.NONE}
        assert found <= possible, f"{one.case}\n{json.dumps(one.report, indent=1)}"
