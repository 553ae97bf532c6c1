"""Work is linear in what was sent: counted in calls, not in time, and read off the regular expressions."""

from __future__ import annotations

import importlib
import pkgutil
import random
import re
import sys
from re import _constants as ops  # type: ignore[attr-defined]  # what an expression consists of
from re import _parser as parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

import pytest

import storage
import workers
from tests.fuzz import recipes
from tests.helpers import payloads
from workers import pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE_CALLS = 28_000
"""Calls by which one text of up to 8 KiB may exceed its share: 13 calls for each letter and colon."""
CALLS_PER_KIB = 8_000
"""Calls of functions, written in C or not. An ordinary report of half a KiB takes some three hundred, and a
text of nothing but short URLs five thousand a KiB. Work that is not linear takes many times this bound at the
last size."""
SIZES = (1 << 13, 1 << 15, 1 << 17)
MADE_UP = 60

PATHS = " ".join(f"https://tracker.example/{'%41/' * 6}{number}" for number in range(220))
KNOWN = [
    recipes.Recipe(("csp-violation", "originalPolicy"), "%40a.b", 16_200),
    recipes.Recipe(("csp-violation", "originalPolicy"), f"img-src {PATHS} ", 11_900),
    recipes.Recipe(("csp-violation", "originalPolicy"), "img-src *, ", 11_900),
    recipes.Recipe(("csp-violation", "originalPolicy"), "*.a ", 1_600, head="img-src "),
    recipes.Recipe(("csp-violation", "sample"), "A1b-", 255),
    recipes.Recipe(("csp-violation", "sourceFile"), "aaaaaaa", 2040, head="https://a.example/"),
    recipes.Recipe(("csp-violation", "blockedURL"), "%2e%2e/", 2040, head="https://tracker.example/"),
    recipes.Recipe(("network-error", "url"), "../", 4000, head="https://a.example/"),
    recipes.Recipe(("", "unknown"), "(/?", 200_000),
    recipes.Recipe(("crash", "crash_report_api"), "a:", 8_000, head="'self' ://;*.a.example "),
    recipes.Recipe(("", recipes.NAME), "A1b-a@b.c", 24),
    recipes.Recipe(("", recipes.NESTED), "eyJ.", 1000),
    recipes.Recipe(("expect-ct-report", "served-certificate-chain"), "-----BEGIN CERTIFICATE-----", 4000),
    recipes.Recipe(("connection-allowlist", "user_agent"), "4111 1111 ", 200_000, tail="Ab1-%20"),
    recipes.Recipe(("document-policy-violation", "columnNumber"), ", wss://a", 200_000, tail="]]sha256-"),
    recipes.Recipe(("csp-violation", "lineNumber"), "='http://@", 200_000),
    recipes.Recipe(("permissions-policy-violation", recipes.NESTED), "://'self' ", 200_000),
]
"""Payloads whose cost is near to a bound, or once was beyond."""

LINEAR = {
    **{
        ("workers.stages.folding", name): "its unbounded looks begin at the start of a word, and end with it"
        for name in ("_IN_CODE", "_IN_HOST", "_IN_NAME", "_IN_PATH")
    },
    ("workers.scrub.masks", "_DOMAIN"): "its unbounded look begins at an @, and ends with a number",
}
"""Expressions that may look ahead without bound, and why that takes linear time all the same."""


@pytest.fixture(autouse=True, scope="module")
def _warm() -> None:
    """What is loaded once is the cost of no payload."""
    pipeline.warm()
    for body in (payloads.legacy(), [payloads.modern()], payloads.certificate()):
        payloads.process(payloads.payload(body))


def calls(body: bytes) -> int:
    """Return how many functions are called for a payload."""
    count = 0

    def note(_frame: object, event: str, _what: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    payload = payloads.payload(body)
    sys.setprofile(note)
    try:
        payloads.process(payload)
    finally:
        sys.setprofile(None)
    return count


def made_up() -> list[recipes.Recipe]:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - what it takes to see a failure again
    chance = random.Random(seed)
    return [recipes.made_up(chance) for _ in range(MADE_UP)]


def check(recipe: recipes.Recipe) -> None:
    for size in SIZES:
        body = recipe.body(size)
        assert calls(body) <= BASE_CALLS + CALLS_PER_KIB * len(body) / 1024, (recipe, len(body))


@pytest.mark.parametrize("recipe", KNOWN)
def test_what_was_expensive_takes_few_calls(recipe: recipes.Recipe) -> None:
    check(recipe)


def test_no_recipe_takes_many_calls() -> None:
    for recipe in made_up():
        check(recipe)


def test_long_policies_and_paths_together_take_few_calls() -> None:
    """A URL of very many segments, and a policy of very many paths that it is compared with."""
    asked = f"https://tracker.example/{'%41/' * 500}"
    items = [payloads.modern(blockedURL=asked, originalPolicy=f"img-src x{i} {PATHS}") for i in range(8)]
    payload = payloads.payload(items)
    assert calls(payload.body) <= BASE_CALLS + CALLS_PER_KIB * len(payload.body) / 1024


def test_no_expression_looks_ahead_without_bound() -> None:
    """A search that looks ahead to the end of a text wherever it begins takes quadratic time."""
    found = {name for name, pattern in expressions() if looks_ahead(parsed(pattern))}
    assert found == set(LINEAR)


def test_such_an_expression_is_seen() -> None:
    for text in (r"[?#](?=[^=]*=)", r"a(?!(?:b|c+)d)", r"(?>a(?=b{2,}+))", r"(?:a|(?=(b)*))"):
        assert looks_ahead(parsed(re.compile(text))), text
    for text in (r"(?=[^=]{0,64}=)", r"a+(?=b)", r"(?<=a)b*"):
        assert not looks_ahead(parsed(re.compile(text))), text


def expressions() -> Iterator[tuple[tuple[str, str], re.Pattern[Any]]]:
    """Yield every compiled expression of the product, by module and name."""
    for package in (workers, storage):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            for name, value in vars(importlib.import_module(module.name)).items():
                values = value.values() if isinstance(value, dict) else value
                for one in values if isinstance(values, tuple | list) else [value]:
                    if isinstance(one, re.Pattern):
                        yield (module.name, name), one


def parsed(pattern: re.Pattern[Any]) -> Any:
    return parser.parse(pattern.pattern, pattern.flags)


def looks_ahead(expression: Any) -> bool:
    """Return whether there is an unbounded repetition in what an expression looks ahead to."""
    return any(
        (op in {ops.ASSERT, ops.ASSERT_NOT} and what[0] > 0 and is_unbounded(what[1]))
        or any(map(looks_ahead, inner(op, what)))
        for op, what in expression
    )


def is_unbounded(expression: Any) -> bool:
    repeats = {ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT}
    return any(
        (op in repeats and what[1] == ops.MAXREPEAT) or any(map(is_unbounded, inner(op, what)))
        for op, what in expression
    )


def inner(op: Any, what: Any) -> list[Any]:
    """Return the expressions within a part of one."""
    if op in {ops.MAX_REPEAT, ops.MIN_REPEAT, ops.POSSESSIVE_REPEAT}:
        return [what[2]]
    if op is ops.SUBPATTERN:
        return [what[3]]
    if op is ops.ATOMIC_GROUP:
        return [what]
    if op is ops.BRANCH:
        return list(what[1])
    return [what[1]] if op in {ops.ASSERT, ops.ASSERT_NOT} else []
