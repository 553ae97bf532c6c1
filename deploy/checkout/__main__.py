"""``python3 -m deploy.checkout SET…``: install sets of packages into ``.venv``, unless they are there."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.checkout import environment, locks, packages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def main(arguments: Sequence[str]) -> int:
    """Make ``.venv`` ready; return 1 on a failure, after a sentence with the remedy."""
    given = _parse(arguments)
    try:
        with _alone():
            changed = prepare(environment.Environment(), given.sets)
    except environment.FailedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted: `make setup` goes on where this stopped.\n")
        return 130
    if given.tell and not changed:
        packages.say(f"{environment.WHERE} is ready.")
    return 0


def prepare(into: environment.Environment, sets: Sequence[str]) -> bool:
    """Install the sets that are not complete; return whether there were any.

    Raises:
        environment.FailedError: something is missing on this machine, or did not arrive.
    """
    started = time.monotonic()
    why = into.refusal()
    if why:
        _require_room(into, max(map(locks.megabytes, sets)))
        packages.say(f"Making {into.path} with Python {sys.version.partition(' ')[0]}: {why}.")
        into.make()
    complete = into.installed()
    wanted = [name for name in sets if complete.get(name) != locks.digest(name)]
    for name in wanted:
        complete.pop(name, None)
        into.note(complete)
        _install(into, name)
        complete[name] = locks.digest(name)
        into.note(complete)
    if wanted:
        packages.say(f"{into.path} is ready, after {time.monotonic() - started:.0f} s.")
    return bool(wanted)


def _require_room(into: environment.Environment, wanted: int) -> None:
    free = shutil.disk_usage(into.path.absolute().parent).free // 1_000_000
    if free < wanted:
        raise environment.FailedError(
            f"{into.path} takes {wanted} MB while it is made, and {free} MB are free: make room, then "
            "`make setup`."
        )


def _install(into: environment.Environment, name: str) -> None:
    packages.say(f"Installing {locks.size(name)}")
    packages.install(into, ["--only-binary=:all:", "-r", locks.path(locks.BUILD), "-r", locks.path(name)])
    packages.install(into, ["--editable", "."])
    if name == "test":
        packages.compile_all(into)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="deploy.checkout", description="Make .venv ready.")
    parser.add_argument("sets", nargs="+", choices=locks.SETS, help="what to install")
    parser.add_argument("--tell", action="store_true", help="say what there is, also when nothing is to do")
    return parser.parse_args(arguments)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let one process at a time change the environment; `make -j` starts several."""
    with Path("pyproject.toml").open("rb") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            packages.say("Waiting for another make that is at work on .venv.")
            fcntl.flock(opened, fcntl.LOCK_EX)
        except OSError:
            pass  # some network file systems cannot lock a file that is open for reading
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
