"""Settings and pure parts of how Headrace is run."""
