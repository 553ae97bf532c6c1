"""The rights of analysts in ClickHouse: the list, and its spelling in configuration and in SQL."""
