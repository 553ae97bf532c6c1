"""The explanation of one payload: the result of each stage, and its reason. Pure."""
