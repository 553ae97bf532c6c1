"""The process of the ClickHouse engine in the ``chdb-core`` wheel, and what the kernel keeps it from."""
