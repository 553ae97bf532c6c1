-- name: partitions
SELECT DISTINCT _partition_id FROM `{{table}}` WHERE project_id = %(id)s

-- name: drop_partition
DROP PARTITION ID %({{name}})s

-- name: drop_partitions
ALTER TABLE `{{table}}` {{commands}}

-- name: tables
-- Tables whose rows belong to one project each, but for those whose partitions do.
SELECT table FROM system.columns
WHERE database = currentDatabase() AND name = 'project_id' AND type = 'UInt64' AND table NOT IN %(parted)s
    AND NOT match(table, '_again_[0-9a-f]+$')
    AND table IN (
        SELECT name FROM system.tables WHERE database = currentDatabase() AND endsWith(engine, 'MergeTree')
    )
ORDER BY table

-- name: delete_receipts
-- Receipts of entries in which every payload was of the project.
ALTER TABLE receipts DELETE WHERE arrayAll(project -> project = %(id)s, project_id)

-- name: delete_rows
ALTER TABLE `{{table}}` DELETE WHERE project_id = %(id)s

-- name: stored_projects
SELECT DISTINCT project_id FROM `{{table}}` WHERE project_id IN %(ids)s
