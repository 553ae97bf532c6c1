"""The queue between the edge and the workers: Redis streams, one entry for each group commit."""
