"""Draining a shard: batches are claimed, processed, inserted and committed."""
