"""HTTP as bytes on a connection: what happens to a request before the application sees it."""
