"""What goes to Redis, and what an edge process knows from Redis."""
