"""How Headrace is run, driven from outside."""
