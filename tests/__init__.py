"""Tests in layers (unit, integration, browser, faults), and benchmarks."""
