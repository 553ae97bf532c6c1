"""The shipped migrations are those that were released, and what the schema decides without a database."""

from __future__ import annotations

import datetime as dt
import hashlib

import pytest

from storage.schema import claims, files, pieces, progress, records
from tests.helpers import paths

FOLDER = paths.ROOT / "storage" / "migrations"
NOW = dt.datetime(2026, 11, 27, tzinfo=dt.UTC)


def test_every_migration_is_the_one_that_was_released() -> None:
    """A new one needs its line in ``released.sha256``; one that has a line is never edited."""
    shipped = {migration.name: migration.sha256 for migration in files.migrations()}
    assert files.released() == shipped
    assert [name[:4] for name in shipped] == [f"{number:04}" for number in range(1, len(shipped) + 1)]


def test_a_checksum_is_that_of_the_whole_file() -> None:
    path = FOLDER / "0001_reports.sql"
    assert files.released()["0001_reports"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_comments_are_no_part_of_a_statement() -> None:
    found = files.read(
        "0001_a", b"-- Why; and\nCREATE TABLE a\n(\n-- b\n);\n\n-- At last.\nSETTLE a;\n-- End.\n"
    )
    assert found.statements == ("CREATE TABLE a\n(\n)", "SETTLE a")


def piece(project_id: int, month: int, rows: int = 1) -> pieces.Piece:
    return pieces.Piece(project_id, month, rows, rows)


def test_small_pieces_are_counted_together_and_a_large_one_alone() -> None:
    large = piece(2, 202610, pieces.MOST_ROWS + 1)
    few = [piece(1, 202610), piece(1, 202611), large, piece(3, 202610)]
    assert list(pieces.grouped(few)) == [few[:2], [large], few[3:]]
    many = [piece(number, 202610) for number in range(pieces.MOST_PIECES + 1)]
    assert list(pieces.grouped(many)) == [many[:-1], many[-1:]]
    assert list(pieces.grouped([])) == []


def test_a_piece_names_its_partition_and_its_rows() -> None:
    assert (piece(7, 202610).partition, piece(7, 0).partition) == ("7-202610", "7")
    assert pieces.condition([piece(7, 0), piece(8, 0)]) == "project_id IN (7, 8)"
    assert pieces.condition([piece(7, 202612), piece(7, 202609)]) == (
        "project_id IN (7) AND window_start >= toDateTime64('2026-09-01 00:00:00', 3, 'UTC') "
        "AND window_start < toDateTime64('2026-12-01 00:00:00', 3, 'UTC') + INTERVAL 1 MONTH "
        "AND (project_id, toYYYYMM(window_start)) IN ((7, 202612), (7, 202609))"
    )


@pytest.mark.parametrize(
    ("name", "sha256", "ended", "needed"),
    [
        ("0001_a", "aa", NOW, ["0002_b"]),
        ("0001_a", "other", None, ["0001_a", "0002_b"]),
        ("0002_b", "bb", NOW, ["0001_a"]),
    ],
    ids=["applied", "begun by another text", "applied out of order"],
)
def test_what_a_database_still_needs(
    name: str, sha256: str, ended: dt.datetime | None, needed: list[str]
) -> None:
    shipped = [files.Migration("0001_a", (), "aa"), files.Migration("0002_b", (), "bb")]
    found = records.pending([records.Record(name, sha256, NOW, ended)], shipped)
    assert [migration.name for migration in found] == needed


def test_a_holder_is_dead_only_after_long_silence_in_many_answers() -> None:
    watch = claims.Watch()
    assert not any(watch.is_stale(1, 5, second) for second in range(claims.LOOKS))
    assert not watch.is_stale(1, 5, 14), "many answers, but a short time"
    assert not watch.is_stale(1, 6, 100), "it lives"
    assert not watch.is_stale(1, 6, 1000), "a long time, but one answer: this process was frozen"
    assert not watch.is_stale(1, 6, 3), "the server was started again"
    assert not any(watch.is_stale(1, 6, 3 + second) for second in range(1, 15))
    assert not watch.is_stale(2, 6, 18), "another one holds it"
    silent = [watch.is_stale(2, 6, 18 + second) for second in range(1, 17)]
    assert silent == [False] * 14 + [True] * 2


def test_each_step_is_told_once_and_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    sentences = progress.Sentences(told.append)
    for step in [progress.Progress("Waiting")] * 3 + [
        progress.Progress("Filling a", n, 9) for n in range(10)
    ]:
        sentences.report(step)
    assert told == ["Waiting.", "Filling a: 0 of 9.", "Filling a: 9 of 9."]
    monkeypatch.setattr(progress, "LINE_S", 0.0)
    for done in range(1, 4):
        sentences.report(progress.Progress("Filling b", done, 9))
    assert told[3:] == ["Filling b: 1 of 9.", "Filling b: 2 of 9.", "Filling b: 3 of 9."]
    progress.ignore(progress.Progress("Waiting"))
