"""How thorough the tests of this run are: ``make unit`` answers sooner, ``make test`` tries more."""

from __future__ import annotations

import hypothesis


def size(usual: int, quick: int) -> int:
    """Return how large an input is to be.

    Args:
        usual: large enough that quadratic time would never end.
        quick: the size under the profile ``quick`` of Hypothesis.
    """
    is_quick = hypothesis.settings.get_current_profile_name() == "quick"
    return quick if is_quick else usual
