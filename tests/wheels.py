"""``python -m tests.wheels``: every locked package has a wheel for every Python and machine that we name.

Only the lists of files are fetched, from pip's own index. It prints what is missing, and fails where the
documentation promises wheels; what else there is, a newer Python for example, is only listed.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import urllib.request
from concurrent import futures
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from packaging import requirements, specifiers, tags, utils
from pip._internal.models import index

from deploy.checkout import locks

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON: Final = "application/vnd.pypi.simple.v1+json"
"""PEP 691."""
ANSWER_S: Final = 20.0
"""A question that takes longer is asked again."""
SETS: Final = ("run", "test")
"""`make fuzz` is for Linux on x86-64 only: its fuzzer has no other wheels."""
NEWEST: Final = (3, 14)
PYTHONS: Final = ((3, 11), (3, 12), (3, 13), NEWEST, (3, 15))
GLIBC: Final = 28
"""The minor version of glibc in RHEL 8 and Debian 10; all later systems have a newer one."""


class Machine(NamedTuple):
    """A kind of machine that wheels are made for."""

    name: str
    platforms: tuple[str, ...]
    markers: dict[str, str]


class File(NamedTuple):
    """A wheel: what it is for."""

    version: str
    tags: frozenset[tags.Tag]
    python: str


def _linux(arch: str, *libcs: str) -> tuple[str, ...]:
    return tuple(f"{libc}_{arch}" for libc in libcs)


def _markers(system: str, arch: str) -> dict[str, str]:
    return {"sys_platform": system.lower(), "platform_system": system, "platform_machine": arch}


_MANYLINUX: Final = (*(f"manylinux_2_{minor}" for minor in range(GLIBC, 16, -1)), "manylinux2014")
_MUSL: Final = ("musllinux_1_2", "musllinux_1_1", "musllinux_1_0")
MACHINES: Final = (
    Machine("Linux x86-64", _linux("x86_64", *_MANYLINUX), _markers("Linux", "x86_64")),
    Machine("Linux arm64", _linux("aarch64", *_MANYLINUX), _markers("Linux", "aarch64")),
    Machine("macOS arm64", tuple(tags.mac_platforms((14, 0), "arm64")), _markers("Darwin", "arm64")),
    Machine("macOS x86-64", tuple(tags.mac_platforms((14, 0), "x86_64")), _markers("Darwin", "x86_64")),
    Machine("musl x86-64", _linux("x86_64", *_MUSL), _markers("Linux", "x86_64")),
    Machine("musl arm64", _linux("aarch64", *_MUSL), _markers("Linux", "aarch64")),
)
PROMISED: Final = MACHINES[:3]


def main() -> int:
    """Print what is missing; return 1 when it is something that was promised."""
    wheels = fetch()
    failed = False
    for python in PYTHONS:
        for machine in MACHINES:
            lacking = missing(wheels, python, machine)
            fails = bool(lacking) and machine in PROMISED and python <= NEWEST
            failed = failed or fails
            verdict = f"{'FAILED, ' if fails else ''}without {', '.join(lacking)}" if lacking else "all"
            sys.stdout.write(f"CPython {python[0]}.{python[1]}  {machine.name:14}{verdict}\n")
    return int(failed)


def missing(wheels: dict[str, list[File]], python: tuple[int, int], machine: Machine) -> list[str]:
    """Return the packages that a machine cannot install."""
    known = supported(python, machine.platforms)
    return [
        f"{one.name}{one.specifier}"
        for one in wanted(python, machine)
        if not any(usable(file, one, python, known) for file in wheels[one.name])
    ]


def locked() -> list[requirements.Requirement]:
    """Return every package of every list."""
    lines = {line for name in SETS for line in locks.lines(name)} | set(locks.lines(locks.BUILD))
    return [requirements.Requirement(line) for line in sorted(lines)]


def wanted(python: tuple[int, int], machine: Machine) -> Iterator[requirements.Requirement]:
    """Give the packages that are installed on a machine."""
    version = f"{python[0]}.{python[1]}"
    surroundings = {**machine.markers, "python_version": version, "python_full_version": f"{version}.0"}
    for one in locked():
        if one.marker is None or one.marker.evaluate(surroundings):
            yield one


def usable(
    file: File, one: requirements.Requirement, python: tuple[int, int], known: frozenset[tags.Tag]
) -> bool:
    """Tell whether a file is the locked version, and can be installed."""
    return (
        one.specifier.contains(file.version)
        and not known.isdisjoint(file.tags)
        and specifiers.SpecifierSet(file.python).contains(f"{python[0]}.{python[1]}.0", prereleases=True)
    )


@functools.cache
def supported(python: tuple[int, int], platforms: tuple[str, ...]) -> frozenset[tags.Tag]:
    """Return what an interpreter on a machine can install."""
    abi = tags.cpython_tags(python, platforms=platforms)
    pure = tags.compatible_tags(python, f"cp{python[0]}{python[1]}", platforms)
    return frozenset(abi) | frozenset(pure)


def fetch() -> dict[str, list[File]]:
    """Return the wheels of each locked package."""
    names = [one.name for one in locked()]
    root = _index()
    with futures.ThreadPoolExecutor(8) as pool:
        return dict(zip(names, pool.map(lambda name: files(root, name), names), strict=True))


def files(root: str, name: str) -> list[File]:
    """Return the wheels of a package, of all versions that were not withdrawn."""
    url = f"{root}/{utils.canonicalize_name(name)}/"
    listed = _read(url, tries=5)["files"]
    return [_parse(file) for file in listed if file["filename"].endswith(".whl") and not file.get("yanked")]


def _read(url: str, tries: int) -> Any:
    question = urllib.request.Request(url, headers={"Accept": JSON})  # noqa: S310 - pip's own index
    try:
        with urllib.request.urlopen(question, timeout=ANSWER_S) as answer:  # noqa: S310 - the same
            return json.load(answer)
    except OSError:
        if tries == 1:
            raise
        return _read(url, tries - 1)


def _parse(file: dict[str, Any]) -> File:
    try:
        _, version, _, kinds = utils.parse_wheel_filename(file["filename"])
    except utils.InvalidWheelFilename:  # of long ago
        return File("0", frozenset(), "")
    return File(str(version), kinds, file.get("requires-python") or "")


def _index() -> str:
    """Return the index that pip is configured with."""
    asked = [sys.executable, "-m", "pip", "config", "get", "global.index-url"]
    for command in (asked, [*asked[:-1], ":env:.index-url"]):
        found = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        if found:
            return found.rstrip("/")
    return index.PyPI.simple_url


if __name__ == "__main__":
    sys.exit(main())
