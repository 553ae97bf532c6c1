"""docs/query/cookbook-*.md: each query answers what its page shows, of two weeks of a shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cookbook import pages, serving
from tests.helpers import commands, terminals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

pytestmark = pytest.mark.integration

TEXTS = {page.stem: page.read_text("utf-8") for page in pages.PAGES}
SHOWN = [
    pytest.param(shown, id=f"{page}-{number}")
    for page, text in TEXTS.items()
    for number, shown in enumerate(terminals.shown(text), 1)
]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """Give the settings of servers that hold the two weeks."""
    with serving.shop(tmp_path_factory.mktemp("cookbook")) as settings:
        yield settings


@pytest.mark.parametrize("shown", SHOWN)
def test_a_query_answers_what_its_page_shows(shown: terminals.Shown, environment: Mapping[str, str]) -> None:
    assert pages.answer(shown.command, environment) == shown.output, (
        "python -m tests.cookbook write shows all answers anew"
    )


def test_the_books_of_the_two_weeks_balance(environment: Mapping[str, str]) -> None:
    done = commands.run(["verify"], environment)
    assert done.returncode == 0, done.stdout
