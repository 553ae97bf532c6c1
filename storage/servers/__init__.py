"""The calls to Redis and ClickHouse, and how their errors are told apart."""
