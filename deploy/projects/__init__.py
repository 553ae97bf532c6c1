"""Projects as people write and read them."""
