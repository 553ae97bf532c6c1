"""Tests of ``ingest/api``."""
