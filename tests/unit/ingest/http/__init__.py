"""Tests of ``ingest/http``."""
