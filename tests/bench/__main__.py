"""``python -m tests.bench``: run the scenarios and print one table; no number fails the run."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import rich.console

from tests.bench.measuring import machine, report, scale
from tests.bench.scenarios import (
    attacks,
    comparison,
    drain,
    edge,
    findings,
    findings_cost,
    forged,
    understand,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Scenario = Callable[[scale.Scale, Path], Iterator[report.Measurement]]

_SCENARIOS: Final[dict[str, Scenario]] = {
    "machine": machine.noise,
    "edge": edge.run,
    "understand": understand.run,
    "drain": drain.run,
    "whole": whole.run,
    "attacks": attacks.run,
    "forged": forged.run,
    "findings": findings.run,
    "findings-cost": findings_cost.run,
    "obvious": comparison.run,
}
_TIMES_FASTER: Final = 40
"""The times by which the whole system should be faster than the obvious design."""


def main() -> None:
    """Run what the command line asks for."""
    arguments = _parse()
    console = rich.console.Console(width=None if rich.console.Console().is_terminal else 160)
    size = scale.QUICK if arguments.quick else scale.FULL
    if arguments.reports:
        size = msgspec.structs.replace(size, stored_reports=arguments.reports)
    description = machine.describe()
    measurements: list[report.Measurement] = []
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as directory:
        for name in arguments.only or _SCENARIOS:
            console.print(f"[dim]{name} …[/]")
            measurements += _SCENARIOS[name](size, Path(directory) / name)
    measurements += _compare(measurements)
    report.show(console, description, measurements)
    if arguments.json:
        found = {"machine": description, "measurements": msgspec.to_builtins(measurements)}
        arguments.json.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="sizes that only show that it runs")
    parser.add_argument("--only", action="append", choices=_SCENARIOS, help="this scenario; may be repeated")
    parser.add_argument("--reports", type=int, metavar="N", help="so many that analysts ask about (findings)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the measurements here")
    return parser.parse_args()


def _compare(measurements: list[report.Measurement]) -> Iterator[report.Measurement]:
    """Set what the whole system sustained beside the better of the two figures of the obvious design."""
    sustained = [line for line in measurements if line.scenario == whole.SUSTAINED]
    ours = [line.median for line in sustained if line.what in whole.THROUGHPUT]
    theirs = [line.median for line in measurements if line.scenario == comparison.SCENARIO]
    if ours and theirs:
        yield report.Measurement(
            scenario=comparison.SCENARIO,
            what="whole system, times faster",
            values=(min(ours) / max(theirs),),
            unit="x",
            bar=_TIMES_FASTER,
            note="ours at the rate posted, not at its limit",
        )


if __name__ == "__main__":
    main()
