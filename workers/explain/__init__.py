"""What the pipeline makes of one payload, stage by stage, and why. Pure."""
