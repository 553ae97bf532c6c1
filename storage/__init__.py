"""Everything that outlives a process: the queue, the project registry and the ClickHouse tables.

``ingest`` and ``workers`` meet only here. Nothing in this package reads settings or the environment.
"""
