"""The limits of a project, applied to the reports of a batch."""
