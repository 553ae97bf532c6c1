"""The processes: the RQ worker, its job process, and maintenance."""
