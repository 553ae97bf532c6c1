"""Redis as an edge process uses it: what goes there, and what the process knows from there."""
