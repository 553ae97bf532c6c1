"""Servers and designs to compare Headrace with, on the same machine in the same run."""
