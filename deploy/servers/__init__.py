"""Redis and ClickHouse as Headrace connects to them: whether they answer, and whether they suit it."""
