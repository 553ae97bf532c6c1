"""Files for their owner alone: replaced in one step, whatever links to the old one."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from deploy.directory import private_files

if TYPE_CHECKING:
    from pathlib import Path


def test_a_hard_link_keeps_the_old_content(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    private_files.replace(path, b"old")
    link.hardlink_to(path)
    (tmp_path / "file.new").write_bytes(b"left over")
    private_files.replace(path, b"new")
    assert (path.read_bytes(), link.read_bytes()) == (b"new", b"old")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(found.name for found in tmp_path.iterdir()) == ["file", "link"]
