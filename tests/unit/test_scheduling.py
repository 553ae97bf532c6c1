"""A test that ends its process is told once, and all others run, if several processes run tests."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from tests.helpers import paths, waiting

if TYPE_CHECKING:
    from pathlib import Path

QUICK = ("-p", "no:anyio", "-p", "no:valkey", "-p", "no:pytest_cov")
"""Plugins that take long to load are left out."""
DEADLY = "import os\ndef test_a(): pass\ndef test_deadly(): os._exit(3)\ndef test_b(): pass\n"
"""A file of tests, the second of which takes its process down."""


def test_a_test_that_ends_its_process_runs_once(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n", "utf-8")
    (tmp_path / "test_first.py").write_text(DEADLY, "utf-8")
    (tmp_path / "test_second.py").write_text("def test_c(): pass\n", "utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-n2",
            "-p",
            "no:cacheprovider",
            *QUICK,
            "--rootdir",
            tmp_path,
            tmp_path,
        ],
        cwd=paths.ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=waiting.PATIENCE_S,
    )
    assert "1 failed, 3 passed" in done.stdout, done.stdout
    assert done.returncode == 1
