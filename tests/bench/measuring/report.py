"""Measurements, and the table that they are printed in."""

from __future__ import annotations

import statistics
from typing import Final, Literal

import msgspec
import rich.box
import rich.console
import rich.table

_MARKS: Final = {True: "[green]reached[/]", False: "[red]missed[/]", None: ""}


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the table.

    Attributes:
        scenario: the scenario it belongs to.
        what: what was measured.
        values: one per repetition; the median is what counts.
        unit: of the values.
        bar: what the median should reach; None when there is none.
        sense: whether the bar is a least or a most value.
        note: under which circumstances, when that is not obvious.
    """

    scenario: str
    what: str
    values: tuple[float, ...]
    unit: str
    bar: float | None = None
    sense: Literal["≥", "≤"] = "≥"
    note: str = ""

    @property
    def median(self) -> float:
        """The middle of the repetitions."""
        return statistics.median(self.values)

    @property
    def spread(self) -> float | None:
        """Largest minus smallest repetition, as a share of the median; None for a single one."""
        if len(self.values) < 2 or not self.median:
            return None
        return (max(self.values) - min(self.values)) / self.median

    @property
    def reached(self) -> bool | None:
        """Whether the median reaches the bar; None without one."""
        if self.bar is None:
            return None
        return self.median >= self.bar if self.sense == "≥" else self.median <= self.bar


def show(console: rich.console.Console, title: str, measurements: list[Measurement]) -> None:
    """Print the measurements as a table, scenario by scenario."""
    table = rich.table.Table(title=title, box=rich.box.SIMPLE_HEAD, title_justify="left")
    for heading in ("scenario", "measured"):
        table.add_column(heading)
    for heading in ("value", "bar", "spread"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    table.add_column("note", style="dim")
    previous = ""
    for line in measurements:
        if previous and line.scenario != previous:
            table.add_section()
        table.add_row(line.scenario if line.scenario != previous else "", *_cells(line))
        previous = line.scenario
    console.print(table)


def _cells(line: Measurement) -> tuple[str, ...]:
    bar = "" if line.bar is None else f"{line.sense} {number(line.bar)}"
    spread = "" if line.spread is None else f"±{line.spread * 50:.0f} %"
    return line.what, f"{number(line.median)} {line.unit}", bar, spread, _MARKS[line.reached], line.note


def number(value: float) -> str:
    """Return a number with as many digits as a reader needs."""
    if abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
