"""The Redis and the ClickHouse that ``headrace up`` starts: real servers, on loopback only."""
