"""The cookbook is complete: each question has all its parts, fits a terminal, and asks public names only."""

from __future__ import annotations

import itertools
import re
from typing import Final

import pytest

from tests.cookbook import pages, storing
from tests.helpers import terminals

PUBLIC: Final = {
    *("reports", "violations", "findings", "findings_by_day", "new_in_release"),
    *("report_volume", "policies_in_use", "outcomes", "policies", "system.parts"),
}
"""What an analyst may name, and the size of the reports."""
TEXTS: Final = {page.name: page.read_text("utf-8") for page in pages.PAGES}
PARTS: Final = [
    pytest.param(part, id=part.splitlines()[0])
    for text in TEXTS.values()
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]
]


def test_there_are_as_many_questions_as_people_have() -> None:
    asked = [question for text in TEXTS.values() for question in pages.questions(text)]
    assert len(asked) == len(set(asked)) >= 50


@pytest.mark.parametrize("part", PARTS)
def test_a_question_has_all_its_parts(part: str) -> None:
    order = [part.find(sign) for sign in ("\nAsk it ", "\n```console\n", "\n**Read**: ", "\n**Beware**: ")]
    assert -1 not in order
    assert order == sorted(order)
    assert part.splitlines()[0].endswith("?")


@pytest.mark.parametrize("part", PARTS)
def test_it_fits_a_terminal(part: str) -> None:
    (shown,) = terminals.shown(part)
    lines = itertools.chain(f"$ {shown.command}".splitlines(), shown.output)
    assert max(map(len, lines)) <= terminals.COLUMNS


@pytest.mark.parametrize("part", PARTS)
def test_it_asks_public_names_only(part: str) -> None:
    (shown,) = terminals.shown(part)
    named = set(re.findall(r"\b(?:FROM|JOIN)\s+([\w.]+)", shown.command))
    assert named
    assert named <= PUBLIC


@pytest.mark.parametrize("part", PARTS)
def test_its_answer_is_the_same_each_time(part: str) -> None:
    (shown,) = terminals.shown(part)
    assert not re.findall(r"\b(?:now|today|any|groupArray|argMin)\(", shown.command)


def test_all_questions_are_listed() -> None:
    index = pages.INDEX.read_text("utf-8")
    assert pages.listed(index, TEXTS) == index, "python -m tests.cookbook write lists all questions"
    for text in TEXTS.values():
        assert pages.listed(text, {"": text}) == text


def test_the_two_weeks_are_the_same_each_time() -> None:
    assert storing.received() == storing.received()
