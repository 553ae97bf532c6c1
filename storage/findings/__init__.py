"""Findings by day: they are counted again from reports where stored reports changed."""
