"""The edge, part by part."""
