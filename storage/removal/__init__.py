"""What is removed from the tables: projects that were deleted, and reports that are too old."""
