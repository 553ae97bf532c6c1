"""Tests of ``ingest/body``."""
