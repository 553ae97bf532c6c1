"""Pages nobody wrote, under policies nobody would: what browsers report of them is true by definition."""
