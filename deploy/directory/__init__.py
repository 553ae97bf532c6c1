"""The data directory of ``headrace up``: who holds it, where its system runs, and what a copy of it is."""
