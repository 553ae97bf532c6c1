"""The archive: reports of releases that went quiet, a partition for each project and month."""
