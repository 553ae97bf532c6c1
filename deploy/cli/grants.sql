-- name: columns_of_project
-- The column with the id of a project, by table.
SELECT table, name FROM system.columns
WHERE database = currentDatabase() AND (name = 'project_id' OR table = 'projects' AND name = 'id')
    AND table IN (
        SELECT name FROM system.tables WHERE database = currentDatabase() AND endsWith(engine, 'MergeTree')
    )
ORDER BY table

-- name: threads
-- The threads that the server gives a query, which no query of an analyst may exceed.
SELECT toUInt32(getSetting('max_threads'))
