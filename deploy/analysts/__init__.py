"""What analysts may do in ClickHouse, and how that is spelled in its configuration and in its SQL."""
