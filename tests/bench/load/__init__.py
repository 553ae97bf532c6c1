"""Reports for the scenarios: what they hold, how they are sent, and the servers that take them."""
