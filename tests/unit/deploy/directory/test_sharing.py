"""What is shared with another data directory is not written."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from deploy.directory import sharing

if TYPE_CHECKING:
    from pathlib import Path

FILES = (
    "logs/redis.log",
    "logs/clickhouse-server/errors.log",
    "redis/appendonlydir/appendonly.aof.1.incr.aof",
    "clickhouse/data/status",
    "clickhouse/data/store/ab/abc/deduplication_logs/deduplication_log_1.txt",
)


@pytest.fixture
def original(tmp_path: Path) -> Path:
    for name in (*FILES, "clickhouse/data/store/ab/abc/all_1_1_0/data.bin"):
        path = tmp_path / "original" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return tmp_path / "original"


def moved_away(directory: Path, name: str) -> Path:
    """Move a part of a data directory to another disk, and leave a link."""
    elsewhere = directory.parent / "disk" / name
    elsewhere.parent.mkdir(parents=True)
    shutil.move(directory / name, elsewhere)
    (directory / name).symlink_to(elsewhere)
    return elsewhere


def copied(original: Path, name: str = "copy") -> Path:
    return shutil.copytree(original, original.parent / name, symlinks=True)


def test_a_directory_of_its_own_is_claimed_again_and_again(original: Path) -> None:
    sharing.claim(original)
    sharing.claim(copied(original))
    sharing.claim(original)


def test_an_empty_directory_is_claimed(tmp_path: Path) -> None:
    sharing.claim(tmp_path)


@pytest.mark.parametrize("name", FILES)
def test_a_hard_link_is_not_written(original: Path, name: str) -> None:
    copy = copied(original)
    (copy / name).unlink()
    os.link(original / name, copy / name)
    with pytest.raises(sharing.SharedError, match="is a hard link"):
        sharing.claim(copy)


def test_parts_are_linked_by_clickhouse_itself(original: Path) -> None:
    part = original / "clickhouse/data/store/ab/abc/all_1_1_0/data.bin"
    os.link(part, part.with_name("mutated.bin"))
    sharing.claim(original)


@pytest.mark.parametrize("name", FILES)
def test_a_link_to_a_file_elsewhere_is_not_written(original: Path, name: str) -> None:
    copy = copied(original)
    (copy / name).unlink()
    (copy / name).symlink_to(original / name)
    with pytest.raises(sharing.SharedError, match="is a link to"):
        sharing.claim(copy)


@pytest.mark.parametrize("name", ["logs", "redis", "clickhouse", "clickhouse/data"])
def test_a_part_on_another_disk_is_of_one_directory(original: Path, name: str) -> None:
    elsewhere = moved_away(original, name)
    sharing.claim(original)
    copy = copied(original)
    with pytest.raises(sharing.SharedError, match=f"is a link to {elsewhere}, which {original} uses"):
        sharing.claim(copy)
    sharing.claim(original)


def test_a_part_on_another_disk_goes_with_a_directory_that_moves(original: Path) -> None:
    moved_away(original, "clickhouse/data")
    sharing.claim(original)
    sharing.claim(original.rename(original.with_name("moved")))


def test_a_part_on_another_disk_can_be_given_away(original: Path) -> None:
    elsewhere = moved_away(original, "clickhouse/data")
    sharing.claim(original)
    copy = copied(original)
    (original / "clickhouse" / "data").unlink()
    sharing.claim(copy)
    assert (elsewhere / sharing.OWNER).read_text() == f"{copy}\n"


def test_a_copy_whose_part_on_another_disk_was_copied_too_is_its_own(original: Path) -> None:
    elsewhere = moved_away(original, "clickhouse/data")
    sharing.claim(original)
    copy = copied(original)
    (copy / "clickhouse" / "data").unlink()
    shutil.copytree(elsewhere, copy / "clickhouse" / "data")
    sharing.claim(copy)
