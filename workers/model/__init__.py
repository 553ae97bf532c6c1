"""Data that crosses the stages: items, reports, outcomes and columns. Pure."""
