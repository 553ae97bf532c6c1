"""What text and JSON are: the same for the edge and the workers, under every Python."""
