"""The lock lists: complete, agreeing with what packages ask for, and from no particular host."""

from __future__ import annotations

import functools
import re
import tomllib
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from packaging import requirements, utils

from deploy.checkout import locks

if TYPE_CHECKING:
    from collections.abc import Iterator

LEFT_OUT: Final = {"numpy", "pandas", "pyarrow"}
"""chdb-core asks for them, and what Headrace imports of it does not; 330 MB."""
PYTHONS: Final = ("3.11.2", "3.11.9", "3.12.0", "3.13.0", "3.14.0", "3.15.0")
MACHINES: Final = (("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64"))
PROJECT: Final = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: Final = PROJECT["optional-dependencies"]
ROOTS: Final = {
    "production": PROJECT["dependencies"],
    "run": PROJECT["dependencies"] + EXTRAS["embedded"],
    "test": PROJECT["dependencies"] + EXTRAS["embedded"] + EXTRAS["dev"],
}


def surroundings() -> list[dict[str, str]]:
    """Return what markers are evaluated with, on each Python and machine."""
    return [
        {
            "python_full_version": python,
            "python_version": python.rpartition(".")[0],
            "platform_system": system,
            "sys_platform": system.lower(),
            "platform_machine": machine,
        }
        for python in PYTHONS
        for system, machine in MACHINES
    ]


def applies(one: requirements.Requirement, where: dict[str, str], extra: str) -> bool:
    return one.marker is None or one.marker.evaluate({**where, "extra": extra})


def asked(roots: list[str], where: dict[str, str]) -> Iterator[requirements.Requirement]:
    """Give all that these requirements need, and what those need, as far as it is installed here."""
    waiting = [(requirements.Requirement(root), "") for root in roots]
    seen: set[tuple[str, str]] = set()
    while waiting:
        one, extra = waiting.pop()
        name = utils.canonicalize_name(one.name)
        if name in LEFT_OUT or not applies(one, where, extra):
            continue
        yield one
        for wanted in {"", *one.extras} - {known for named, known in seen if named == name}:
            seen.add((name, wanted))
            waiting += [(need, wanted) for need in needs(name)]


@functools.cache
def needs(name: str) -> tuple[requirements.Requirement, ...]:
    try:
        return tuple(map(requirements.Requirement, metadata.requires(name) or ()))
    except metadata.PackageNotFoundError:  # it is for another Python or machine
        return ()


@functools.cache
def parsed(name: str) -> tuple[requirements.Requirement, ...]:
    return tuple(map(requirements.Requirement, locks.lines(name)))


def locked(name: str, where: dict[str, str]) -> dict[str, requirements.Requirement]:
    return {utils.canonicalize_name(one.name): one for one in parsed(name) if applies(one, where, "")}


@pytest.mark.parametrize("name", ROOTS)
def test_a_list_holds_what_its_packages_need_and_nothing_else(name: str) -> None:
    for where in surroundings():
        wanted = list(asked(ROOTS[name], where))
        assert {utils.canonicalize_name(one.name) for one in wanted} == set(locked(name, where)), where


@pytest.mark.parametrize("name", ROOTS)
def test_a_locked_version_is_one_that_is_asked_for(name: str) -> None:
    for where in surroundings():
        versions = locked(name, where)
        for one in asked(ROOTS[name], where):
            (pin,) = versions[utils.canonicalize_name(one.name)].specifier
            assert one.specifier.contains(pin.version, prereleases=True), (str(one), str(pin))


def test_what_is_installed_here_is_what_is_locked() -> None:
    where: dict[str, str] = {}
    for name, one in locked("test", where).items():
        assert one.specifier.contains(metadata.version(name), prereleases=True), name


def test_what_fuzzes_is_locked() -> None:
    names = {utils.canonicalize_name(name) for name in EXTRAS["fuzz"]}
    assert names <= set(locked("fuzz", {}))


@pytest.mark.parametrize("path", sorted(locks.DIRECTORY.iterdir()), ids=lambda path: path.name)
def test_a_list_names_versions_and_no_host(path: Path) -> None:
    first, *others = path.read_text(encoding="utf-8").splitlines()
    assert re.fullmatch(r"# [^:]+: \d+ MB to fetch, \d+ MB on the disk\.", first)
    for line in others:
        assert re.fullmatch(r"-r \w+\.txt|[\w.-]+==[\w.]+(; [\w. <>='()]+)?", line)


def test_a_package_is_locked_once() -> None:
    for name in (*locks.SETS, "production", locks.BUILD):
        names = [utils.canonicalize_name(requirements.Requirement(line).name) for line in locks.lines(name)]
        assert len(names) == len(set(names))


def test_a_list_is_installed_again_when_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = {name: locks.digest(name) for name in locks.SETS}
    assert len(set(digests.values())) == len(digests)
    for path in locks.DIRECTORY.iterdir():
        copy = tmp_path / path.name
        copy.write_text(path.read_text(encoding="utf-8") + ("one==1\n" if path.stem == "run" else ""))
    monkeypatch.setattr(locks, "DIRECTORY", tmp_path)
    changed = {name for name in locks.SETS if locks.digest(name) != digests[name]}
    assert changed == {"run", "test", "fuzz"}
