"""Makes a checkout ready to run: ``.venv`` with the packages of a lock list. The Makefile calls this package.

The package runs on the Python that ``.venv`` will be made with, before anything is installed. It needs only
the standard library, and imports nothing else of Headrace.
"""
