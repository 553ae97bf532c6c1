"""What a run measures: each module is a scenario that yields its measurements."""
