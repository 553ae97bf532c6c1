"""Which deduplication tokens a ClickHouse must forget before it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.embedded import forget_lost

if TYPE_CHECKING:
    from pathlib import Path


def table(directory: Path, parts: list[str], *logs: str) -> Path:
    """Lay out a table as ClickHouse does, with one log file after the other."""
    for part in parts:
        (directory / part).mkdir()
    log = directory / "deduplication_logs"
    log.mkdir()
    for number, text in enumerate(logs, start=9):  # so that the order by name is not the order by number
        (log / f"deduplication_log_{number}.txt").write_text(text)
    return log


@pytest.mark.parametrize(
    ("parts", "part"),
    [
        (["all_7_7_0"], "all_7_7_0"),
        (["all_1_9_2"], "all_7_7_0"),
        (["all_1_9_2_12"], "all_7_7_0"),
        (["all_1_3_1", "all_1_9_2", "all_8_8_0"], "all_7_7_0"),
        (["202311_7_7_1"], "202311_7_7_1"),
        (["d1e6a0_1_7_3"], "d1e6a0_7_7_0"),
    ],
)
def test_the_token_of_a_part_that_exists_or_was_merged_stays(
    tmp_path: Path, parts: list[str], part: str
) -> None:
    text = f"1\t{part}\ttoken\n"
    log = table(tmp_path, parts, text)
    assert forget_lost.forget_lost(log) == 0
    assert (log / "deduplication_log_9.txt").read_text() == text


@pytest.mark.parametrize(
    "parts",
    [
        [],
        ["all_6_6_0", "all_8_8_0"],
        ["all_1_6_1"],
        ["tmp_insert_all_7_7_0"],
        ["delete_tmp_all_7_7_0"],
        ["202311_7_7_0"],
        ["detached"],
    ],
)
def test_the_token_of_a_part_that_is_missing_is_dropped_once(tmp_path: Path, parts: list[str]) -> None:
    log = table(tmp_path, parts, "", "1\tall_7_7_0\ttoken\n")
    assert forget_lost.forget_lost(log) == 1
    assert (log / "deduplication_log_10.txt").read_text() == "1\tall_7_7_0\ttoken\n2\tall_7_7_0\ttoken\n"
    assert forget_lost.forget_lost(log) == 0


def test_what_was_dropped_and_inserted_again_counts_as_known(tmp_path: Path) -> None:
    log = table(
        tmp_path, ["all_8_8_0"], "1\tall_7_7_0\ttoken\n2\tall_7_7_0\ttoken\n", "1\tall_8_8_0\ttoken\n"
    )
    assert forget_lost.forget_lost(log) == 0


def test_a_table_without_a_log_is_left_alone(tmp_path: Path) -> None:
    assert forget_lost.forget_lost(table(tmp_path, ["all_1_1_0"])) == 0


@pytest.mark.parametrize("torn", ["1", "1\tall_7", "1\tall_7_7_0\t", "1\tall_7_7_0\ttok", "\0\0\0"])
def test_a_line_that_was_not_all_on_the_disk_is_cut_off(tmp_path: Path, torn: str) -> None:
    log = table(tmp_path, ["all_8_8_0"], f"1\tall_6_6_0\told\n1\tall_8_8_0\tnew\n{torn}")
    assert forget_lost.forget_lost(log) == 1
    text = "1\tall_6_6_0\told\n1\tall_8_8_0\tnew\n2\tall_6_6_0\told\n"
    assert (log / "deduplication_log_9.txt").read_text() == text


@pytest.mark.parametrize("line", ["", "1", "1\tall_7_7_0", "1\tall_7_7_0\ttoken\tmore"])
def test_a_line_without_three_fields_is_passed_over(tmp_path: Path, line: str) -> None:
    log = table(tmp_path, ["all_8_8_0"], f"{line}\n1\tall_6_6_0\told\n", "")
    assert forget_lost.forget_lost(log) == 1
