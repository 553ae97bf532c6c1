"""What turns the payloads of a batch into rows, and the RQ jobs that run it.

The pipeline is pure: decode → detect → normalise → classify → collapse, one module a stage, one module a
report family, no I/O and no clock. ``pipeline.process`` is its only entrance.
"""
