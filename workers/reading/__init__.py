"""Reads a body and its members: a bad value nulls its field, never the report. Pure."""
