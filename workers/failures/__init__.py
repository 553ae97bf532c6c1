"""How work on a batch fails or is ended: interruptions, defects of the code, and failpoints of tests."""
