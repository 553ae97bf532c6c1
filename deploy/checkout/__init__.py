"""What makes a checkout ready to run: ``.venv`` with the packages of a lock list; the Makefile calls it.

It runs on the Python that ``.venv`` will be made with, before anything is installed: it needs the standard
library only, and imports nothing else of Headrace.
"""
