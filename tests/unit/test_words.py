"""One word per thing: words that the glossary's words took the place of do not come back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.helpers import paths

if TYPE_CHECKING:
    from collections.abc import Iterator

REPLACED: Final = {
    r"lanes?": "stream, isolated stream",
    r"(?:set|sets|setting) aside": "isolate (a project), quarantine (a payload)",
    r"loud(?:er|est|ness)?": "noisy, most frequent",
    r"patient": "low priority",
    r"pace": "batch sizing, rate",
    r"horses?": "job process",
    r"pulse|heart": "status line",
    r"tend": "poll",
    r"sight(?:s|ing|ings)?": "check new, first report",
    r"arbiters?": "limit decider",
    r"rulings?": "limit decision",
    r"judg(?:e|es|ed|ing)": "evaluate, evaluation",
    r"fates?": "decision",
    r"culprits?": "poison payload",
    r"forgiv(?:e|es|en|ing)|forgave": "reset attempts",
    r"census": "project counts",
    r"traits": "user-agent matches",
    r"re-?sen[dt]s?": "retry, retries",
}
"""Words, and the glossary's words for the same."""

KEPT: Final = {
    r"\.ci/run": r"(?i:lanes?)",  # of CI, which is another thing
    r"docs/adr/0001-.*": r"a fast lane",
    r"docs/adr/0002-.*|docs/glossary\.md": r"\"?work horse",
    r"workers/process/worker\.py|tests/unit/test_privates\.py|tests/helpers/privates\.py": r"\w*horse\w*",
    r"docs/query/cookbook-operator\.md": r"\bresent\b",  # the reason, as a table shows it
    r"workers/explain/.*|tests/unit/workers/explain/.*|README\.md": r"no policy to judge by",
    r".*": (
        r"[`\"']resent[`\"']|\bRESENT\b|[:}]resends:|\"resent\"|``resent``"  # the reason, the key, the plan
        r"|[:{]rulings:|b\"rulings\"|tests/unit/test_words\.py"  # the key
    ),
}
"""Names that are public, that are stored or that are others', by the files that may hold them."""

FOLDERS: Final = ("ingest", "workers", "storage", "deploy", "tests", "docs", ".ci")
NAMES: Final = {".py", ".lua", ".sql", ".md", ".toml", ".xml", ".sh", ""}
WORD: Final = re.compile("|".join(rf"(?<![a-z])(?:{word})(?![a-z])" for word in REPLACED), re.IGNORECASE)

PARTS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""The places between the words of a class name."""


def texts() -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each file that people read."""
    files = [paths.ROOT / name for name in ("README.md", "CONTRIBUTING.md", "Makefile", "pyproject.toml")]
    for folder in FOLDERS:
        files += [
            path for path in (paths.ROOT / folder).rglob("*") if path.suffix in NAMES and path.is_file()
        ]
    for path in sorted(files):
        where = path.relative_to(paths.ROOT).as_posix()
        if not where.startswith(("tests/data/", "tests/unit/test_words.py", "workers/noise/rules.toml")):
            yield where, path.read_text("utf-8", errors="replace")


def old_words(where: str, text: str) -> Iterator[str]:
    """Yield each place of a file with a word that was replaced."""
    for files, names in KEPT.items():
        if re.fullmatch(files, where):
            text = re.sub(names, "", text)
    for number, line in enumerate(text.splitlines(), start=1):
        for found in WORD.findall(PARTS.sub(" ", line)):
            yield f"{where}:{number}: {found}"


def test_replaced_words_stay_away() -> None:
    assert [place for where, text in texts() for place in old_words(where, text)] == []


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("the lane aside of a loud project", 2),
        ("class LimitArbiter, def judge_all, sighting_of", 3),
        ("reason `resent`", 0),
        ("a package, a planet and a spaceship", 0),
    ],
)
def test_a_replaced_word_is_found_in_names_too(line: str, count: int) -> None:
    assert len([*old_words("workers/any.py", line)]) == count
