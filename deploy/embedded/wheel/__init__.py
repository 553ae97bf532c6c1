"""The process of the ClickHouse engine in the ``chdb-core`` wheel, and its confinement by the kernel."""
