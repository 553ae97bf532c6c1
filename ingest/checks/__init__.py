"""The checks that a request must pass before its body is read."""
