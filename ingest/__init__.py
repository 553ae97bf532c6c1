"""The public edge: authenticates and bounds what browsers send, stores it in Redis, and only then says 200.

It never parses a report for its meaning; that is the workers' part, on the other side of the queue. The edge
keeps no state: what it knows it can read again from Redis within a second.
"""
