"""``python -m tests.layers JUNIT_XML…``: fail when a whole layer of tests was skipped, or collected nothing.

A test that cannot run here skips and says why; that is no reason for a run without a single browser to pass.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def main(arguments: Sequence[str]) -> int:
    """Print how many tests of each layer ran; return 1 when one had none."""
    ran, skipped = count(map(Path, arguments))
    for layer in layers():
        sys.stdout.write(f"{layer}: {ran[layer]} ran, {skipped[layer]} skipped\n")
    missing = [layer for layer in layers() if not ran[layer]]
    if missing:
        sys.stdout.write(f"No test ran in: {', '.join(missing)}.\n")
    return 1 if missing else 0


def layers() -> list[str]:
    """Return the layers: the folders beside this file that hold tests."""
    here = Path(__file__).parent
    return sorted({path.relative_to(here).parts[0] for path in here.glob("*/**/test_*.py")})


def count(paths: Iterable[Path]) -> tuple[Counter[str], Counter[str]]:
    """Return how many tests of each layer ran, and how many were skipped."""
    ran: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    cases = (case for path in paths for case in ET.parse(path).iter("testcase"))  # noqa: S314 - our own pytest wrote them
    for case in cases:
        module = case.get("classname") or case.get("name") or ""
        layer = module.removeprefix("tests.").partition(".")[0]
        (skipped if case.find("skipped") is not None else ran)[layer] += 1
    return ran, skipped


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
