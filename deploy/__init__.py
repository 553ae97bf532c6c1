"""Runs Headrace: settings, embedded servers, the supervisor and the command line.

This package alone reads settings and the environment, and hands them to every other package: it is the
composition root.
"""
