"""Tests of ``ingest/backend``."""
