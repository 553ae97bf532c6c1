"""The edge, over real HTTP and a real Redis."""
