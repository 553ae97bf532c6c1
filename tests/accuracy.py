"""``python -m tests.accuracy``: how many requests with a known right answer become what they should, by kind.

A request is right if all is right that is known of it. A site's own resource that is labelled as noise is
worse than noise that is missed, so these are counted apart.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from tests.helpers import cases

if TYPE_CHECKING:
    from collections.abc import Iterable

FILES: Final = ("cases.jsonl", "labelled.jsonl", "named.jsonl")


class Wrong(NamedTuple):
    """A request that did not become what it should, and why."""

    case: cases.Case
    wrongs: list[str]

    @property
    def hides(self) -> bool:
        """Whether it is no noise, and was labelled as noise."""
        return any(wrong.startswith("noise: False") for wrong in self.wrongs)


class Measured(NamedTuple):
    """All requests, and those that went wrong."""

    read: list[cases.Case]
    wrong: list[Wrong]

    @property
    def accuracy(self) -> float:
        """The share of the requests that became what they should."""
        return 1 - len(self.wrong) / len(self.read)


def measure(files: Iterable[str] = FILES) -> Measured:
    """Lead all requests of some files of ``tests/data`` through the product."""
    read = [case for file in files for case in cases.read(file)]
    results = {case.id: cases.process(case) for case in read}
    wrong = [Wrong(case, found) for case in read if (found := cases.wrongs(case, results))]
    return Measured(read, wrong)


def table(measured: Measured) -> list[str]:
    """Return a line for each kind of report: right, all, and the share; the last one is for all kinds."""
    every = Counter(_kind(case) for case in measured.read)
    wrong = Counter(_kind(each.case) for each in measured.wrong)
    lines = [_line(kind, count - wrong[kind], count) for kind, count in sorted(every.items())]
    return [*lines, _line("all", every.total() - wrong.total(), every.total())]


def _kind(case: cases.Case) -> str:
    kind: str = case.expect.get("kind", "refused")
    return f"{kind}, noise" if case.expect.get("noise") else kind


def _line(name: str, right: int, count: int) -> str:
    return f"{name:<28}{right:>5}{count:>5}{right / count:>8.1%}"


def main() -> int:
    """Print the table and everything that is wrong; return 1 if a site's own resource is taken for noise."""
    measured = measure()
    for wrong in measured.wrong:
        sys.stdout.write(f"{wrong.case.id} ({wrong.case.source}): {'; '.join(wrong.wrongs)}\n")
    hidden = sum(wrong.hides for wrong in measured.wrong)
    sys.stdout.write("\n".join(table(measured)))
    sys.stdout.write(f"\nTaken for noise, though it is none: {hidden}\n")
    return 1 if hidden else 0


if __name__ == "__main__":
    sys.exit(main())
