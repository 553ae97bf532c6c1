"""The registry of families, and what every type of the Reporting API takes without complaint."""

from __future__ import annotations

import json
import pathlib
import re
import sys
from typing import Any

import pytest

from tests.helpers import paths, payloads, recorded
from tests.unit.workers.families.kinds import KINDS
from workers import families
from workers.families import connection_allowlist, contract, csp, unknown

MODULES = [sys.modules[family.normalise.__module__] for family in families.ALL]
NAMES = {member for family in families.ALL for member in family.names}
MEMBERS = sorted({re.sub("[-_]", "", name).lower(): name for name in sorted(NAMES)}.values())
"""Each member in one of its spellings."""
WRONG: list[Any] = [
    True,
    -1,
    7.5,
    2**64,
    1e300,
    [],
    [[]],
    {},
    {"a": None},
    "\ud800\x00\x9f\u202e",
    "x" * 4200,
    "\u0663",
]


def typed(name: str, body: object) -> dict[str, Any]:
    return {"age": 15, "body": body, "type": name, "url": "https://www.example.com/a?b", "user_agent": ""}


def test_each_module_with_a_family_is_registered() -> None:
    folder = pathlib.Path(contract.__file__).parent
    written = {path.stem for path in folder.glob("*.py") if "\nFAMILY: Final" in path.read_text("utf-8")}
    assert written == {module.__name__.rpartition(".")[2] for module in MODULES}
    assert families.ALL[-1] is unknown.FAMILY, "it takes each type that no family before it knows"


@pytest.mark.parametrize("kind", sorted({family.kind for family in families.ALL}))
def test_each_kind_is_documented(kind: str) -> None:
    assert f"\n| `{kind}` |" in (paths.DOCS / "query" / "tables.md").read_text("utf-8")


def test_no_two_families_claim_the_same_shape() -> None:
    types = [name for family in families.ALL for name in family.types]
    wrappers = [wrapper for family in families.ALL for wrapper in family.wrappers]
    kinds = [family.kind for family in families.ALL if family is not connection_allowlist.FAMILY]
    for claims in (types, wrappers, kinds):
        assert len(claims) == len(set(claims))


def test_every_type_is_tried_here() -> None:
    assert set(families.BY_TYPE) - {*csp.FAMILY.types, "hpkp", "expect-ct", "expect-staple"} <= set(KINDS)


def test_every_kind_was_recorded() -> None:
    recorded_kinds = {
        kind
        for _, body in recorded.READABLE
        for kind in payloads.process(payloads.payload(body)).reports["kind"]
    }
    assert {family.kind for family in families.ALL} <= recorded_kinds


@pytest.mark.parametrize("body", [{}, None, {"future": 1}], ids=["empty", "null", "of the future"])
@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_every_member_may_be_missing(name: str, kind: str, body: object) -> None:
    row = payloads.row([typed(name, body)])
    assert row["kind"] == kind
    assert row["document"] == "https://www.example.com/a"
    assert row["last_seen"] == payloads.NOW_MS - 15
    assert row["title"][0].isupper()
    assert "nulled" not in row["details"]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: str(wrong)[:12].encode("unicode_escape").decode())
@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_no_member_is_so_wrong_that_it_costs_the_report(name: str, kind: str, wrong: object) -> None:
    row = payloads.row([typed(name, dict.fromkeys(MEMBERS, wrong))])
    assert row["kind"] == kind
    assert row["title"].isprintable()
    json.dumps(row, ensure_ascii=False).encode()


@pytest.mark.parametrize("name", KINDS)
def test_a_title_is_short(name: str) -> None:
    row = payloads.row([typed(name, dict.fromkeys(MEMBERS, "word " * 200))])
    assert len(row["title"]) < 300


@pytest.mark.parametrize("name", KINDS)
def test_a_body_that_is_no_object_is_no_report(name: str) -> None:
    tables = payloads.process(payloads.payload([typed(name, "text")]))
    assert payloads.outcome_counts(tables) == {("invalid", "not_an_object"): 1}


@pytest.mark.parametrize("name", KINDS)
def test_a_type_may_come_alone_and_in_capitals(name: str) -> None:
    alone = payloads.row(typed(name.upper(), {"disposition": "reporting"}))
    batch = payloads.row([typed(name, {"disposition": "report"})])
    assert (alone["kind"], alone["title"]) == (batch["kind"], batch["title"])
    assert alone["disposition"] == batch["disposition"]
