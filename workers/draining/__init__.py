"""Drains a stream: batches are bound, processed, inserted and committed."""
