"""Tests of the pure pipeline: tables of cases and properties, no server and no clock."""
