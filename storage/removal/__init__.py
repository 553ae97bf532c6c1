"""Removal from the tables: of deleted projects, and of reports that are too old."""
