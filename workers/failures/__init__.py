"""The ends that work on a batch can come to: interruptions, defects of the code, and failpoints of tests."""
