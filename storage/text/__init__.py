"""Text and JSON, read by the same rules at the edge and in the workers, and under every Python."""
