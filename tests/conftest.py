"""What holds for the tests of every layer."""

from __future__ import annotations

import hypothesis

hypothesis.settings.register_profile("headrace", deadline=None)  # a timing never fails a test
hypothesis.settings.load_profile("headrace")
