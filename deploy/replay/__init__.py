"""Stores payloads again, from files and from the quarantine."""
