"""A process that dies at any call to its servers: what it did stays, what comes after does not happen."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator

    import redis

    from storage.servers import clickhouse


class DeathError(BaseException):
    """The process is dead; nothing may catch this but the test."""


class Mortal:
    """Lets the main thread live for so many calls to ClickHouse and Redis.

    Args:
        calls: after how many calls it dies.
        after: whether the last call still takes effect.
    """

    def __init__(self, calls: int, *, after: bool) -> None:
        self.left = calls
        self._after = after
        self.dead = False

    @contextlib.contextmanager
    def living(self, server: clickhouse.Connection, client: redis.Redis) -> Iterator[None]:
        """Run a block that may die, on these connections. Whether it did is in ``dead``."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._guarded(server, "execute"))
            stack.enter_context(self._guarded(client, "execute_command"))
            stack.enter_context(self._piped(client))
            with contextlib.suppress(DeathError):
                yield
        with contextlib.suppress(TypeError):
            server.close()

    @contextlib.contextmanager
    def _guarded(self, owner: object, name: str) -> Iterator[None]:
        setattr(owner, name, self._guard(getattr(owner, name)))
        try:
            yield
        finally:
            delattr(owner, name)

    @contextlib.contextmanager
    def _piped(self, client: redis.Redis) -> Iterator[None]:
        make = client.pipeline

        def pipeline(**options: Any) -> Any:
            made: Any = make(**options)
            made.execute = self._guard(made.execute)
            return made

        client.pipeline = pipeline  # type: ignore[method-assign, assignment]
        try:
            yield
        finally:
            del client.pipeline

    def _guard(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **options: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                return call(*arguments, **options)
            if self.dead:
                raise DeathError
            self.left -= 1
            if self.left > 0:
                return call(*arguments, **options)
            self.dead = True
            if self._after:
                call(*arguments, **options)
            raise DeathError

        return guarded


def deaths(chance: random.Random, count: int, most: int) -> Iterator[Mortal]:
    """Yield processes that die at random calls, the last one that takes effect or not."""
    for _ in range(count):
        yield Mortal(chance.randint(1, most), after=chance.random() < 0.5)
