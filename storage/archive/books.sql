-- name: live
-- The partitions of live releases, with rows, bytes and parts. The text of a partition is its key, as a tuple. A partition
-- that was moved leaves an empty part behind for a moment.
SELECT key.1, key.2, key.3, partition_id, sum(rows), sum(bytes_on_disk), count() FROM (
    SELECT CAST(partition, 'Tuple(UInt64, String, String)') AS key, partition_id, rows, bytes_on_disk
    FROM system.parts WHERE database = currentDatabase() AND table = 'reports_live' AND active AND rows > 0
)
GROUP BY key, partition_id ORDER BY key

-- name: archive
-- The size of each project's part of the archive: rows, bytes, and parts.
SELECT key.1, sum(rows), sum(bytes_on_disk), count() FROM (
    SELECT CAST(partition, 'Tuple(UInt64, UInt32)') AS key, rows, bytes_on_disk
    FROM system.parts WHERE database = currentDatabase() AND table = 'reports_archive' AND active
)
GROUP BY key.1

-- name: latest_reports
-- When each pair of environment and release had its last report (ms since the epoch), the latest pairs of each project.
SELECT project_id, environment, release, toUnixTimestamp64Milli(max(last_seen)) AS latest FROM finding_days
GROUP BY project_id, environment, release ORDER BY latest DESC, environment, release LIMIT %(most)s BY project_id

-- name: archived
-- How many pairs of environment and release of each project have reports in the archive.
SELECT project_id, uniqExact(environment, release) FROM reports_archive GROUP BY project_id

-- name: moving
-- The pairs that are on their way into the archive.
SELECT DISTINCT project_id, environment, release FROM archive_moves WHERE partition_id != ''
