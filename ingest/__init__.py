"""The public edge: it checks what browsers send, stores it in Redis, and only then answers 200.

The edge never parses a report for its meaning: that is the workers' part, on the other side of the queue. It
keeps no state: it can read everything that it knows from Redis again within a second.

``app`` puts a process together. A request passes the rooms in this order: ``http`` reads its bytes, ``api``
is the Falcon application with its routes and resources, ``checks`` tells by its head whether it may come in,
``body`` reads the rest, and ``backend`` stores its report.
"""
