"""``python -m tests.faults.soak [MINUTES]``: everything dies and freezes at random, for as long as asked.

Reports keep coming all the while, job processes also die by themselves in every phase, and sometimes two
faults come at once. At the end stands a table, and exit code 1 if a report was lost or counted twice, or if a
recovery took longer than promised.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import rich.console
import rich.table

from deploy.network import ports
from tests.faults import books, load, victims
from tests.helpers import harness
from workers.failures import failpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MINUTES: Final = 10.0
TWICE: Final = 0.5
"""How often a second fault comes right after the first."""
LONG_MINUTES: Final = 8.0
"""A soak at least this long has room for the long freezes and the long outage."""
LONG_FREEZES: Final = (("redis", 30.0), ("clickhouse", 60.0))
LONG_OUTAGE_S: Final = 120.0
PHASES: Final = ",".join(f"{point}=kill@0.01" for point in failpoints.POINTS)


class Soak:
    """One run on a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._options = ("--listen", f"127.0.0.1:{ports.free_port()}", "--workers", "2")
        self._system = self._start()
        self._recoveries: dict[str, list[float]] = defaultdict(list)
        self._failures: list[str] = []
        self._killed = 0

    def run(self, seconds: float) -> int:
        """Inflict faults for so long, print what happened, and return the exit code."""
        opened, end = books.Books(self._system), time.monotonic() + seconds
        try:
            with load.Load(self._system.project) as sent:
                if seconds >= LONG_MINUTES * 60:
                    self._inflict_long(sent)
                while time.monotonic() < end and not self._failures:
                    time.sleep(random.uniform(0, 0.5))
                    self._inflict(sent, [self._pick() for _ in range(1 + (random.random() < TWICE))])
            balance = opened.compare(sent)
        finally:
            self._system.stop()
        self._print(sent, balance)
        kept = (balance.lost, balance.doubled, balance.balanced) == (0, 0, True)
        return 0 if kept and not self._failures else 1

    def _inflict_long(self, sent: load.Load) -> None:
        for kind, seconds in LONG_FREEZES:
            self._inflict(sent, [self._freeze(kind, seconds)])
        outage = f"clickhouse, down {LONG_OUTAGE_S:g} s"
        self._inflict(sent, [(outage, lambda: victims.keep_down(self._system, "clickhouse", LONG_OUTAGE_S))])

    def _inflict(self, sent: load.Load, faults: Sequence[tuple[str, Callable[[], float]]]) -> None:
        since = [fault() for _, fault in faults][-1]
        names = [name for name, _ in faults]
        try:
            seconds = books.recovery(self._system, sent, since, books.RECOVERY_S)
        except AssertionError as failure:
            self._failures.append(f"{' + '.join(names)}: {failure}")
            return
        sys.stderr.write(f"{' + '.join(names)}: {seconds:.2f} s\n")
        for name in names:
            self._recoveries[name].append(seconds)

    def _pick(self) -> tuple[str, Callable[[], float]]:
        """Draw a fault: mostly a kill, now and then a short freeze or the whole system."""
        faults = [self._kill(kind) for kind in victims.KINDS] * 5
        faults += [
            self._freeze("redis", 2.0),
            self._freeze("clickhouse", 5.0),
            self._freeze("job process", 1.0),
        ]
        return random.choice([*faults, ("everything", self._restart)])

    def _kill(self, kind: str) -> tuple[str, Callable[[], float]]:
        def kill() -> float:
            self._killed += kind != "job process"  # whose deaths the workers count
            return victims.kill(self._system, kind)

        return kind, kill

    def _freeze(self, kind: str, seconds: float) -> tuple[str, Callable[[], float]]:
        def freeze() -> float:
            with victims.frozen(victims.find(self._system, kind)):
                time.sleep(seconds)
            return time.monotonic()

        return f"{kind}, frozen {seconds:g} s", freeze

    def _restart(self) -> float:
        self._killed += 1
        self._system.process.kill()
        killed = time.monotonic()
        self._system.process.wait()
        self._system = self._start()
        return killed

    def _start(self) -> harness.System:
        started = harness.start_system(self._directory, *self._options, HEADRACE_FAILPOINTS=PHASES)
        assert started.process.poll() is None, started.output()
        return started

    def _deaths(self) -> int:
        """Return how many job processes died, by us or by themselves."""
        logs = (self._system.directory / "logs").glob("worker-*.log")
        return sum(log.read_text("utf-8", "replace").count("job_process_died") for log in logs)

    def _print(self, sent: load.Load, balance: books.Balance) -> None:
        console = rich.console.Console()
        table = rich.table.Table(title="Seconds until everything acknowledged was stored again")
        for column in ("fault", "times", "p50", "p99", "max"):
            table.add_column(column, justify="left" if column == "fault" else "right")
        everything = [taken for row in self._recoveries.values() for taken in row]
        for name, taken in [*sorted(self._recoveries.items()), ("all", everything)]:
            figures = [_percentile(taken, share) for share in (0.5, 0.99, 1.0)]
            table.add_row(name, str(len(taken)), *(f"{figure:.2f}" for figure in figures))
        console.print(table)
        deaths = self._deaths()
        console.print(
            f"kills: {self._killed + deaths}, {deaths} of them job processes, most of them by themselves"
        )
        console.print(f"requests: {dict(sorted(sent.counts.items()))}")
        console.print(
            f"payloads: {balance.acknowledged:,} acknowledged, {balance.unclear:,} without a clear answer, "
            f"{balance.stored:,} stored; lost: {balance.lost}, counted twice: {balance.doubled}, "
            f"ledger {'holds' if balance.balanced else 'DIFFERS'}"
        )
        for failure in self._failures:
            console.print(f"not recovered: {failure}", style="red")


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def main(arguments: Sequence[str]) -> int:
    """Run a soak of as many minutes as the argument says."""
    minutes = float(arguments[0]) if arguments else MINUTES
    directory = Path(tempfile.mkdtemp(prefix="headrace-soak-"))
    seed = random.randrange(1 << 32)
    random.seed(seed)
    sys.stderr.write(f"Data and logs are in {directory}; seed {seed}.\n")
    code = Soak(directory).run(minutes * 60)
    if code == 0:
        shutil.rmtree(directory)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
