"""Tests wait for states: none sleeps, looks at a clock or soon gives up, but for the reasons given here."""

from __future__ import annotations

import ast
import pathlib
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS: Final = pathlib.Path(__file__).parents[1]
SOON_S: Final = 30.0
"""A wait that ends sooner tests how busy the machine is."""
SLEEPS: Final = {"time.sleep"}
CLOCKS: Final = {"time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns"}
WALL_CLOCKS: Final = {"time.time", "time.time_ns"}
WAITS: Final = {"communicate", "create_connection", "join", "result", "settimeout", "wait", "wait_until"}

ALLOWED: Final = {
    "bench/": "it measures, and fails no test",
    "browser/record.py": "it records until nothing more has come for a while",
    "browser/rows.py": "how long a report took is printed, and fails no test",
    "browser/site.py": "the same",
    "helpers/disks.py": "a disk is filled about as fast as a disk can be",
    "faults/": "how long a fault lasts, and the load, is what is tried",
    "fresh.py": "it prints how long a bare machine takes",
    "fuzz/": "it runs for as long as it is told",
    "integration/ingest/test_registry.py": "how often edges look grows with the time that a test takes",
    "integration/ingest/test_unread_answers.py": "a sender that goes on no more reads, and fails no test",
    "integration/storage/test_clocks.py": "which of the clocks is right is what it tests",
    "integration/workers/test_clocks.py": "the same",
    "integration/workers/test_isolation.py": "a job that is not due is what it tests",
    "integration/workers/test_quota.py": "when a minute ends is what it tests",
    "unit/deploy/noise/test_sources.py": "a server that sends a byte now and then is what it tests",
    "unit/ingest/body/test_request_body.py": "what never comes may as well be given up at once",
    "unit/ingest/backend/test_intake.py": "the same",
    "unit/workers/poison/test_forked_search.py": "work that does nothing for ever is what it tests",
}
"""Files and folders in which that is allowed, and why."""


def violations(text: str) -> Iterator[str]:
    """Yield what in this code sleeps, compares clocks, or gives up soon."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare):
            if any(ast.unparse(one.func) in WALL_CLOCKS for one in calls(node)):
                yield f"{node.lineno}: compares the clock"
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in SLEEPS:
                yield f"{node.lineno}: sleeps"
            if called in CLOCKS:
                yield f"{node.lineno}: looks at a clock"
            if any(is_soon(seconds) for seconds in limits(node)):
                yield f"{node.lineno}: gives up soon"


def calls(node: ast.AST) -> Iterator[ast.Call]:
    return (one for one in ast.walk(node) if isinstance(one, ast.Call))


def limits(call: ast.Call) -> Iterator[ast.expr]:
    """Yield the seconds after which a call gives up."""
    yield from (keyword.value for keyword in call.keywords if keyword.arg == "timeout")
    if isinstance(call.func, ast.Attribute) and call.func.attr in WAITS:
        yield from call.args[-1:]


def is_soon(seconds: ast.expr) -> bool:
    """Return whether this is a number, and small; none at all is to ask without waiting."""
    return (
        isinstance(seconds, ast.Constant)
        and isinstance(seconds.value, int | float)
        and 0 < seconds.value < SOON_S
    )


def is_allowed(path: str) -> bool:
    return any(path.startswith(one) for one in ALLOWED)


def test_tests_wait_for_states() -> None:
    files = {str(file.relative_to(TESTS)): file.read_text("utf-8") for file in TESTS.rglob("*.py")}
    found = {path: list(violations(text)) for path, text in files.items() if not is_allowed(path)}
    assert {path: one for path, one in found.items() if one} == {}


@pytest.mark.parametrize(
    "text",
    [
        "time.sleep(0.1)",
        "began = time.monotonic()",
        "assert time.time() - began < 5",
        "child.wait_until(lambda: True, 5)",
        "process.wait(2)",
        "subprocess.run([], timeout=10)",
        "raw.settimeout(1.5)",
    ],
)
def test_a_test_that_goes_by_time_is_found(text: str) -> None:
    assert len(list(violations(text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "now = int(time.time())",
        "drain.Drainer(queue, client, server, time.monotonic)",
        "process.wait()",
        "process.wait(waiting.PATIENCE_S)",
        "raw.settimeout(0)",
        "', '.join(names)",
    ],
)
def test_what_waits_for_states_is_let_be(text: str) -> None:
    assert list(violations(text)) == []
