"""Speed, memory and freshness, measured on one machine in one run: ``make bench``.

Nothing here passes or fails by a timing. A number is printed beside its bar, and beside what it is compared
with.
"""
