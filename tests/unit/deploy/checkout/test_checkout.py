"""What a person is told whose machine cannot make the environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.checkout import environment, failures, locks

SCRIPT = Path("deploy/checkout/find_python.sh").absolute()
NO_MATCH = (
    "2026-11-27T02:00:01,000 ERROR: Could not find a version that satisfies the requirement rq==3.0.0\n"
    "2026-11-27T02:00:01,001 ERROR: No matching distribution found for rq==3.0.0\n"
)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "disk is full",
        ),
        ("OSError: [Errno 122] Disk quota exceeded", "disk is full"),
        (
            "ERROR: Could not install packages: [Errno 13] Permission denied: '/w/.venv/lib'",
            "cannot be written",
        ),
        (
            "Could not fetch URL …: SSLError(SSLCertVerificationError('CERTIFICATE_VERIFY_FAILED'))",
            "PIP_CERT",
        ),
        ("WARNING: Retrying after ProxyError('Cannot connect to proxy.')", "proxy"),
        ("Could not fetch URL …: 403 Client Error: Forbidden for url: … - skipping", "refuses"),
        ("ERROR: HTTP error 401 while getting …", "refuses"),
        ("Could not fetch URL …: 503 Server Error: Service Unavailable", "trouble of its own"),
        (
            "WARNING: Retrying after NewConnectionError('[Errno -2] Name or service not known')",
            "is there a network",
        ),
        (
            "WARNING: Retrying after NewConnectionError('[Errno 111] Connection refused')",
            "is there a network",
        ),
        (
            "WARNING: Retrying after ReadTimeoutError('Read timed out. (read timeout=15)')",
            "PIP_DEFAULT_TIMEOUT",
        ),
        ("urllib3.exceptions.IncompleteRead: IncompleteRead(7 bytes read, 93 more expected)", "broke off"),
        ("ERROR: incomplete-download", "broke off"),
        ("pip._vendor.zipfile.BadZipFile: File is not a zip file", "damaged"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "damaged"),
    ],
)
def test_a_failure_says_what_to_do(words: str, told: str) -> None:
    sentence = failures.explain(f"{words}\n{NO_MATCH}", "CPython 3.13 on Linux x86_64", offline=False)
    assert told in sentence
    assert "\n" not in sentence


def test_a_missing_wheel_is_named() -> None:
    sentence = failures.explain(NO_MATCH, "CPython 3.15 on Linux riscv64", offline=False)
    assert sentence.startswith("There is no wheel of rq==3.0.0 for CPython 3.15 on Linux riscv64")
    sentence = failures.explain(NO_MATCH, "CPython 3.15 on Linux riscv64", offline=True)
    assert "PIP_FIND_LINKS" in sentence


def test_an_unknown_failure_gives_pips_last_word() -> None:
    sentence = failures.explain(
        "2026-11-27T02:00:01,000 ERROR: the moon\n2026 done", "CPython", offline=False
    )
    assert sentence == "pip failed; .venv/pip.log has its words. ERROR: the moon"
    assert failures.explain("", "CPython", offline=False) == "pip failed; .venv/pip.log has its words."


def test_debug_lines_tell_no_cause() -> None:
    log = f"  Link requires a different Python; timed out of use: https://index/x-1.whl\n{NO_MATCH}"
    assert "no wheel" in failures.explain(log, "CPython", offline=False)


def python(directory: Path, name: str, version: str) -> None:
    """Put something on PATH that answers as a Python of this version would."""
    directory.mkdir(exist_ok=True)
    major, minor, micro = version.split(".")
    old = int((int(major), int(minor)) < (3, 11))
    file = directory / name
    file.write_text(f'#!/bin/sh\ncase "$2" in *exit*) exit {old};; *) echo {major}.{minor}.{micro};; esac\n')
    file.chmod(0o755)


def find(where: Path, named: str = "") -> tuple[str, str]:
    """Return what find_python.sh chooses with the Pythons in ``bin``, and what it says."""
    (where / "bin").mkdir(exist_ok=True)
    sed = where / "bin" / "sed"
    if not sed.exists():
        sed.symlink_to(shutil.which("sed") or "/bin/sed")
    done = subprocess.run(
        ["/bin/sh", SCRIPT, named],
        cwd=where,
        env={"PATH": str(where / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert bool(done.returncode) == (not done.stdout)
    return done.stdout.strip(), done.stderr.strip()


def test_python3_is_used_when_it_is_new_enough(tmp_path: Path) -> None:
    python(tmp_path / "bin", "python3", "3.11.2")
    python(tmp_path / "bin", "python3.14", "3.14.0")
    assert find(tmp_path) == ("python3", "")


def test_another_python_is_used_when_python3_is_too_old(tmp_path: Path) -> None:
    python(tmp_path / "bin", "python3", "3.9.2")
    python(tmp_path / "bin", "python3.9", "3.9.2")
    python(tmp_path / "bin", "python3.12", "3.12.1")
    assert find(tmp_path) == ("python3.12", "python3 is 3.9.2, too old for Headrace: using python3.12.")


def test_a_python_that_every_package_has_wheels_for_comes_first(tmp_path: Path) -> None:
    for minor in (15, 13, 12):
        python(tmp_path / "bin", f"python3.{minor}", f"3.{minor}.0")
    assert find(tmp_path) == ("python3.13", "")


def test_a_named_python_that_is_too_old_is_refused_and_a_newer_one_named(tmp_path: Path) -> None:
    python(tmp_path / "bin", "python3", "3.12.1")
    python(tmp_path / "bin", "python3.9", "3.9.2")
    python(tmp_path / "bin", "python3.13", "3.13.0")
    chosen, said = find(tmp_path, "python3.9")
    assert not chosen
    assert said == "Headrace needs Python 3.11 or newer, and python3.9 is 3.9.2: make PYTHON=python3.13 …"
    assert find(tmp_path, "python3.12")[1].startswith(
        "Headrace needs Python 3.11 or newer, and python3.12 is not there"
    )


def test_no_python_at_all_is_one_sentence(tmp_path: Path) -> None:
    chosen, said = find(tmp_path)
    assert not chosen
    assert "there is none on PATH: install it" in said
    assert "\n" not in said
    python(tmp_path / "bin", "python3", "3.9.2")
    assert "and python3 is 3.9.2: install a newer one" in find(tmp_path)[1]


def test_an_environment_keeps_its_python_until_another_one_is_named(tmp_path: Path) -> None:
    python(tmp_path / "bin", "python3", "3.9.2")
    python(tmp_path / "elsewhere here", "python3.13", "3.13.0")
    python(tmp_path / "bin", "python3.12", "3.12.1")
    (tmp_path / ".venv").mkdir()
    base = tmp_path / "elsewhere here" / "python3.13"
    (tmp_path / ".venv" / "pyvenv.cfg").write_text(f"home = x\nexecutable = {base}\n")
    assert find(tmp_path) == (str(base), "")
    assert find(tmp_path, "python3.12") == ("python3.12", "")
    base.unlink()
    assert find(tmp_path)[0] == "python3.12"


def test_a_python_without_venv_is_told_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "ensurepip" else object())
    made = environment.Environment(tmp_path / ".venv")
    with pytest.raises(
        environment.FailedError, match=rf"apt-get install python3\.{sys.version_info[1]}-venv"
    ):
        made.make()
    assert not list(tmp_path.iterdir())


def test_what_is_no_environment_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "precious").touch()
    with pytest.raises(environment.FailedError, match="no virtual environment: move it away"):
        environment.Environment(tmp_path / ".venv").make()
    assert (tmp_path / ".venv" / "precious").exists()


def test_a_record_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    made = environment.Environment(tmp_path)
    assert made.installed() == {}
    for words in ("", "[]", "{"):
        (tmp_path / ".ready").write_text(words)
        assert made.installed() == {}
    made.note({"run": "digest"})
    assert made.installed() == {"run": "digest"}


def test_a_list_says_its_size() -> None:
    assert locks.size("run").startswith("what runs on one machine: ")
    assert 500 < locks.megabytes("run") < locks.megabytes("test") < 2000


@pytest.mark.parametrize("name", ["costs $x", "a:b", "two\nlines"])
def test_a_path_in_which_no_script_starts_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    place = tmp_path / name
    place.mkdir()
    monkeypatch.chdir(place)
    with pytest.raises(environment.FailedError, match="no path of a checkout may have: move it"):
        environment.Environment().make()
    assert list(place.iterdir()) == []
