"""Real browsers load a page that violates its own policy; the rows must appear."""
