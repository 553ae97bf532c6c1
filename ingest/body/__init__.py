"""Reads request bodies, bounded in bytes, in time and in memory."""
