"""The calls to Redis and ClickHouse, and the sorting of their errors."""
