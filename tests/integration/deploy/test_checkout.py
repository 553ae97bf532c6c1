"""The environment of a checkout: made, kept, made anew; and pip with an index that misbehaves."""

from __future__ import annotations

import http.server
import io
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from typing import TYPE_CHECKING, ClassVar, Final

import pytest

from deploy.checkout import __main__ as checkout
from deploy.checkout import environment, locks, packages
from tests.helpers import disks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.integration

WHEEL: Final = "given-1.0-py3-none-any.whl"


def wheel() -> bytes:
    """Return a package that pip installs."""
    metadata = "Metadata-Version: 2.1\nName: given\nVersion: 1.0\nRequires-Dist: nothere\n"
    tag = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as opened:
        opened.writestr("given.py", "HERE = True\n")
        opened.writestr("given-1.0.dist-info/METADATA", metadata)
        opened.writestr("given-1.0.dist-info/WHEEL", tag)
        opened.writestr("given-1.0.dist-info/RECORD", "")
    return written.getvalue()


class Index(http.server.BaseHTTPRequestHandler):
    """A package index that does what the first part of the path says."""

    over: ClassVar = threading.Event()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        _, manner, *rest = self.path.split("/")
        if manner == "slow":
            self.over.wait()
        elif manner.isdecimal():
            self.send_error(int(manner))
        elif rest[-1] == WHEEL:
            self._send(wheel(), manner)
        elif "given" in rest:
            self._send(f'<a href="/{manner}/{WHEEL}">{WHEEL}</a>'.encode(), "good", "text/html")
        else:
            self.send_error(404)

    def _send(self, body: bytes, manner: str, kind: str = "application/zip") -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if manner == "broken":
            body = body[: len(body) // 2]
        self.wfile.write(body[::-1] if manner == "damaged" else body)


@pytest.fixture(scope="module")
def index() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Index)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    Index.over.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> environment.Environment:
    """Return an empty environment, in a path with a space."""
    made = environment.Environment(tmp_path_factory.mktemp("of a person") / ".venv")
    assert made.refusal().endswith("is not there")
    made.make()
    return made


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's own index and pip's cache out of it."""
    for name in [name for name in os.environ if name.startswith("PIP_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in {
        "CONFIG_FILE": os.devnull,
        "NO_CACHE_DIR": "1",
        "RETRIES": "0",
        "TIMEOUT": "100",
    }.items():
        monkeypatch.setenv(f"PIP_{name}", value)


def install(made: environment.Environment) -> None:
    packages.install(made, ["--only-binary=:all:", "given==1.0"])


def left(made: environment.Environment) -> list[str]:
    """Return what a failed installation left; pip's words may stay."""
    return [name for name in ("tmp", "given.py") if list(made.path.rglob(name))]


@pytest.mark.parametrize(
    ("manner", "told"),
    [
        ("403", "The package index refuses"),
        ("503", "has trouble of its own"),
        ("404", "There is no wheel of given==1.0 for CPython"),
        ("slow", "answers too slowly"),
        ("broken", "broke off|only in part"),
        ("damaged", "arrived damaged"),
    ],
)
def test_a_failed_download_is_told_in_a_sentence(
    made: environment.Environment, index: str, monkeypatch: pytest.MonkeyPatch, manner: str, told: str
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{index}/{manner}")
    if manner == "slow":
        monkeypatch.setenv("PIP_TIMEOUT", "1")
        monkeypatch.setenv("PIP_RETRIES", "1")  # pip of Python 3.14 tells why only when it tries again
    with pytest.raises(environment.FailedError, match=told):
        install(made)
    assert not left(made)


def test_no_network_is_told_in_a_sentence(
    made: environment.Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(environment.FailedError, match="is there a network"):
        install(made)


def test_a_disk_without_room_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with disks.mounted(tmp_path / "small", 4 << 20) as small:
        made = environment.Environment(small / ".venv")
        with pytest.raises(
            environment.FailedError, match=r"takes \d+ MB while it is made, and 4 MB are free"
        ):
            checkout.prepare(made, ["run"])
        assert not list(small.iterdir())


def test_a_directory_of_wheels_is_enough(
    made: environment.Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(environment.FailedError, match="where PIP_FIND_LINKS points to"):
        install(made)
    (tmp_path / WHEEL).write_bytes(wheel())
    install(made)
    assert made.has("given")
    assert not (made.path / "pip.log").exists()
    subprocess.run([made.python, "-m", "pip", "uninstall", "--yes", "--quiet", "given"], check=True)


def test_it_is_shown_what_comes(
    made: environment.Environment,
    index: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{index}/good")
    install(made)
    assert capfd.readouterr().out == "Installing collected packages\n"
    subprocess.run([made.python, "-m", "pip", "uninstall", "--yes", "--quiet", "given"], check=True)


def test_an_environment_is_kept_while_it_works(made: environment.Environment, tmp_path: Path) -> None:
    assert not made.refusal()
    copy = environment.Environment(tmp_path / ".venv")
    shutil.copytree(made.path, copy.path, symlinks=True)
    assert "moved or copied" in copy.refusal()
    (copy.path / "bin" / "python").unlink()
    (copy.path / "bin" / "python").symlink_to(tmp_path / "gone")
    assert "does not work any more" in copy.refusal()


def test_an_environment_of_another_python_is_made_anew(
    made: environment.Environment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "python3"
    other.write_text('#!/bin/sh\necho \'["cpython-399", "/usr/bin/python3.99"]\'\n')
    other.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(other))
    assert "made with another Python" in made.refusal()


def test_an_installation_that_was_interrupted_goes_on(
    made: environment.Environment, index: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The record names a set only once it is complete, and a changed list is no complete one."""
    monkeypatch.setenv("PIP_INDEX_URL", f"{index}/broken")
    monkeypatch.setattr(locks, "DIRECTORY", tmp_path)
    (tmp_path / "build.txt").write_text("# what builds: 1 MB\n")
    (tmp_path / "run.txt").write_text("# what runs: 1 MB\ngiven==1.0\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "none"\n')
    made.note({"run": "digest of yesterday"})
    with pytest.raises(environment.FailedError):
        checkout.prepare(made, ["run"])
    assert made.installed() == {}


def test_where_other_work_installs_is_not_heeded(
    made: environment.Environment, index: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"{index}/good")
    (tmp_path / "other.txt").write_text("given==0.9\n")
    for name in ("PREFIX", "ROOT", "TARGET"):
        monkeypatch.setenv(f"PIP_{name}", str(tmp_path))
    for name in ("CONSTRAINT", "REQUIREMENT"):
        monkeypatch.setenv(f"PIP_{name}", str(tmp_path / "other.txt"))
    for name in ("DRY_RUN", "REQUIRE_HASHES"):
        monkeypatch.setenv(f"PIP_{name}", "1")
    install(made)
    assert made.has("given")
    subprocess.run(
        [made.python, "-I", "-m", "pip", "uninstall", "--yes", "--quiet", "given"],
        env={name: value for name, value in os.environ.items() if not name.startswith("PIP_")},
        check=True,
    )
