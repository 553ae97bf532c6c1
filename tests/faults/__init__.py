"""Kills, freezes and cuts every part of a running system, under load, and then reads its books.

The promise under test: a payload that was acknowledged is stored exactly once, whatever dies. Each scenario
ends with ``books.Books.close``. ``python -m tests.faults.soak MINUTES`` is the long version.
"""
