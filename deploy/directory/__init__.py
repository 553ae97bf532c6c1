"""The data directory of ``headrace up``: its lock, its identity, and the addresses of its system."""
