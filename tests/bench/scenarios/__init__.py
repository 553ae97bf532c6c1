"""The scenarios of a run: each module is one, and yields its measurements."""
