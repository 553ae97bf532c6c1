"""Tests of ``ingest/checks``."""
