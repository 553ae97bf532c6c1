-- name: current
-- All projects, each as its last change left it.
SELECT
    toUnixTimestamp64Milli(changed_at), id, name, keys, key_records, status, settings, revision,
    toUnixTimestamp64Milli(removed_before), floors
FROM projects FINAL ORDER BY id

-- name: now
-- The time of a change: never before an earlier change, whatever the server's clock does.
SELECT greatest(now64(3, 'UTC'), max(changed_at)) FROM projects
