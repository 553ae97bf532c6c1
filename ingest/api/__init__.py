"""The HTTP API: the reporting endpoint and the health checks."""
