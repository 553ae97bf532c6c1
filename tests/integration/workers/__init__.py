"""The drain over a real Redis and a real ClickHouse."""
