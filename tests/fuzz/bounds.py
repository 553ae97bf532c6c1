"""Bounds of one payload's cost, in time and memory, however it was made.

The numbers are for code that the fuzzer traces, which makes it slower; a worker needs less. The page
``docs/operate/know-what-a-payload-may-cost.md`` promises bounds to operators.
"""

from __future__ import annotations

import time
import tracemalloc
from typing import Final

from tests.helpers import payloads

BASE_MS: Final = 25.0
MS_PER_KIB: Final = 2.0
BASE_BYTES: Final = 1 << 20
BYTES_PER_BYTE: Final = 40

_ATTEMPTS: Final = 3
"""A busy machine makes one measurement slow, but seldom the best of three."""


class BoundExceededError(AssertionError):
    """A payload costs more than any may."""


def check_time(body: bytes) -> None:
    """Process a payload and compare the processor time with its bound.

    Raises:
        BoundExceededError: it took longer, three times in a row.
    """
    allowed = BASE_MS + MS_PER_KIB * len(body) / 1024
    taken = []
    for _ in range(_ATTEMPTS):
        started = time.thread_time()
        payloads.process(payloads.payload(body))
        taken.append((time.thread_time() - started) * 1000)
        if taken[-1] <= allowed:
            return
    raise BoundExceededError(f"{min(taken):.0f} ms for {len(body)} bytes; {allowed:.0f} ms are allowed.")


def check_memory(body: bytes) -> None:
    """Process a payload and compare the most memory that it held at a time with its bound.

    Raises:
        BoundExceededError: it held more.
    """
    allowed = BASE_BYTES + BYTES_PER_BYTE * len(body)
    tracemalloc.start()
    try:
        payloads.process(payloads.payload(body))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    if peak > allowed:
        raise BoundExceededError(f"{peak} bytes for {len(body)} bytes; {allowed} are allowed.")
