"""Fuzzing of everything between the bytes of a payload and its rows: ``make fuzz``."""
