"""How Headrace is run: settings, embedded servers, the supervisor and the command line.

The composition root: this package alone reads settings and the environment, and hands every other part what
it needs.
"""
