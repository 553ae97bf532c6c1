"""The Redis and the ClickHouse that ``headrace up`` brings along: real servers, on loopback only."""
