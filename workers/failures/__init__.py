"""How work on a batch fails or is ended: interruptions, errors of the code, and fail points of tests."""
