"""One finding as a page for people."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final

import rich.console
import rich.table
import rich.text

from deploy.printing import cells, layout, sparkline, tables, times

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deploy.findings import detail, selection

_HASH: Final = 20
"""Digits of the longest hash, which tells another policy where it is cut."""
_TEXT: Final = 2_000
"""Characters of a policy or a sample that a terminal shows; --json prints all."""


def of(found: detail.WholeFinding, recent: selection.ChosenReports, width: int) -> rich.console.Group:
    """Return a finding as a page.

    Args:
        found: the finding.
        recent: the project, and the period of its reports.
        width: cells of the terminal.
    """
    now = dt.datetime.fromtimestamp(recent.period.now_ms / 1000, dt.UTC)
    since = f"since {found.since:%Y-%m-%d} UTC"
    parts: list[rich.console.RenderableType] = [
        rich.text.Text(cells.shown(found.finding.title), style="bold"),
        _grid(_facts(found, recent, now, since)),
        rich.text.Text(),
    ]
    for heading, columns, rows in _tables(found, now, since):
        if rows:
            parts += [rich.text.Text(heading, style="bold"), _table(columns, rows, width)]
    if found.policies:
        parts += [
            rich.text.Text("policies, by hash", style="bold"),
            _grid(_policies(found), _HASH),
            rich.text.Text(),
        ]
    if found.example:
        heading = f"latest report, {cells.shown(found.example.seen_at)}"
        parts += [rich.text.Text(heading, style="bold"), _grid(_example(found.example)), rich.text.Text()]
    return rich.console.Group(*parts)


def raw_command(example: detail.FindingExample, recent: selection.ChosenReports, where_to: str) -> str:
    """Return the command that prints an example of a finding as it was stored.

    Args:
        example: the report.
        recent: the project and the finding.
        where_to: the option that names the system, if the command needs one, with a space before it.
    """
    conditions = (
        f"project_id = {recent.project.id}",
        f"window_start = '{cells.text(example.window_start)}'",
        f"fingerprint = {recent.fingerprint}",
        f"identity = {example.identity}",
        f"last_seen >= '{cells.text(example.seen_at)}'",
    )
    sql = f"SELECT raw FROM reports WHERE {' AND '.join(conditions)} ORDER BY last_seen LIMIT 1"  # noqa: S608
    return f'headrace query{where_to} "{sql}"'


def _facts(
    found: detail.WholeFinding, recent: selection.ChosenReports, now: dt.datetime, since: str
) -> Iterator[tuple[str, str]]:
    one = found.finding
    yield "finding", f"{one.id} (fingerprint {one.fingerprint})"
    yield "project", recent.project.name
    yield "what", " ".join(filter(None, (one.kind, one.directive, one.blocked)))
    yield "reports", f"{one.total:,}: {_counts(one.dispositions, 'disposition unknown')}"
    yield "reach", _reach(one.reach, found.reach_at_most)
    first, last = (f"{cells.shown(at)} ({times.ago(at, now)})" for at in (one.first_seen, one.last_seen))
    yield "first seen", first
    yield "last seen", last
    yield "days", f"{sparkline.draw(found.bars)} {since}"
    yield "label", "; ".join(_label(label) for label in found.labels)
    for environment, release, earlier in found.new_in:
        many = "release" if earlier == 1 else "releases"
        yield "brought by", f"{_named(release)} in {_named(environment)}, after {earlier} {many} without it"
    yield "browsers", _counts(one.browsers, "unknown")
    if found.systems:
        yield "systems", f"{_counts(found.systems, 'unknown')} ({since})"


def _reach(reach: int | None, at_most: int | None) -> str:
    if reach is None:
        return "unknown"
    return f"about {reach:,} on its greatest day, at most {at_most or reach:,} on all days"


def _label(label: detail.FindingLabel) -> str:
    if label.noise:
        told = f"{label.noise}, by rule {label.noise_rule}"
    else:
        told = "impossible: its policy allows it" if label.impossible else "none: a real finding"
    return f"{told} ({label.total:,})"


def _tables(
    found: detail.WholeFinding, now: dt.datetime, since: str
) -> Iterator[tuple[str, Sequence[str], list[list[object]]]]:
    columns = ("release", "environment", "total", "first", "last", "")
    yield (
        "releases, the first ones",
        columns,
        [
            [
                _named(one.release),
                _named(one.environment),
                one.total,
                times.ago(one.first_seen, now),
                times.ago(one.last_seen, now),
                "brought it" if one.brought else "",
            ]
            for one in found.releases
        ],
    )
    yield (
        f"documents, {since}",
        ("document", "total", "bars", "last"),
        [
            [one.document, one.total, tables.Uncut(sparkline.draw(one.bars)), times.ago(one.last_seen, now)]
            for one in found.documents
        ],
    )


def _policies(found: detail.WholeFinding) -> Iterator[tuple[str, str]]:
    for one in found.policies:
        yield str(one.policy), f"{one.total:,} {one.disposition}: {one.text or 'its text is not stored'}"


def _example(example: detail.FindingExample) -> Iterator[tuple[str, str]]:
    place = f"{example.source_file}:{example.line}:{example.column}".removesuffix(":0").removesuffix(":0")
    told = {
        "environment": example.environment,
        "release": example.release,
        "document": example.document,
        "referrer": example.referrer_host,
        "blocked": example.blocked,
        "source": place.strip(":"),
        "sample": example.sample,
        "host": f"{example.hostname}:{example.port}" if example.port else example.hostname,
        "browser": " ".join(filter(None, (example.browser, example.browser_version, example.os))),
        "status": str(example.status_code or ""),
        **dict(sorted(example.details.items())),
    }
    yield from ((name, text) for name, text in told.items() if text)


def _counts(counts: Mapping[str, int], nameless: str) -> str:
    """Return names with their counts, the most frequent first."""
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return ", ".join(f"{name or nameless} {count:,}" for name, count in ranked) or "unknown"


def _named(text: str) -> str:
    return text or "(none)"


def _grid(facts: Iterator[tuple[str, str]], names: int = 16) -> rich.table.Table:
    """Return facts under each other, after their names, which have at most so many cells."""
    grid = rich.table.Table.grid(padding=(0, 2))
    grid.add_column(style="cyan", no_wrap=True, max_width=names, overflow="ellipsis")
    grid.add_column(overflow="fold")
    for name, text in facts:
        grid.add_row(rich.text.Text(cells.shown(name)), rich.text.Text(cells.shown(text[:_TEXT])))
    return grid


def _table(columns: Sequence[str], rows: list[list[object]], width: int) -> rich.console.RenderableType:
    """Return a table that fits, or as much of its columns, from the left, as does."""
    for count in range(len(columns), 0, -1):
        shown = tables.fitted(columns[:count], [row[:count] for row in rows], width, gap=layout.GAP - 1)
        if shown:
            return shown
    return rich.text.Text("")
