"""Sampling: which reports of a batch are kept when not all of them are, and for how many each one stands.

A report that is kept with probability *p* stands for 1/*p* reports, so that on average the weights of the
kept reports add up to the number that arrived. Every 1/*p*-th report of a finding is kept, from a start that
a hash
decides: the same batch keeps the same reports, and a sender cannot choose which of its reports are kept.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import xxhash

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROUNDING: Final = 1e-9
"""Rounding error allowed in a sum of shares, so that 100 shares of 1/100 make one report and not none."""


class Sampler:
    """Keeps a share of the reports of one finding, evenly spread.

    Args:
        rate: the share, above 0 and at most 1.
        start: where in a round of 1/``rate`` reports the sampler begins, from 0 to 1.
    """

    __slots__ = ("_seen", "_start", "rate")

    def __init__(self, rate: float, start: float) -> None:
        self.rate = rate
        self._start = start
        self._seen = 0

    def keeps_next(self) -> bool:
        """Return whether the next report is kept."""
        before = self._start + self._seen * self.rate + _ROUNDING
        self._seen += 1
        return self.rate >= 1 or math.floor(before + self.rate) > math.floor(before)


def samplers(rates: Mapping[int, float], counts: Mapping[int, int], seed: str) -> dict[int, Sampler]:
    """Return a sampler for each finding, such that their rounding errors do not add up.

    Together the samplers keep the sum of their shares, give or take one report.

    Args:
        rates: the share that is kept, by fingerprint.
        counts: the number of reports, by fingerprint.
        seed: a text from which the starts are made.
    """
    found, start = {}, xxhash.xxh64_intdigest(seed.encode()) / 2**64
    for fingerprint, rate in rates.items():
        found[fingerprint] = Sampler(rate, start)
        if rate < 1:
            start = (start + rate * counts[fingerprint]) % 1
    return found


def fitting(counts: Mapping[int, int], budget: float) -> dict[int, float]:
    """Return the share of each finding that is kept so that all of them fit into a budget.

    The findings with most reports give way first: there is a level below which a finding keeps all its
    reports, and above which every finding keeps as many reports as the level.

    Args:
        counts: reports, by fingerprint; each at least 1.
        budget: reports that may be kept, above 0.
    """
    level, left = math.inf, budget
    for rank, count in enumerate(sorted(counts.values())):
        share = left / (len(counts) - rank)
        if count > share:
            level = share
            break
        left -= count
    return {fingerprint: min(1.0, level / count) for fingerprint, count in counts.items()}
