"""Tests that drive real servers, real processes and the command line from outside."""
