-- name: running
-- The queries that may read reports. Some engines keep a query of their own, without a user, for as long as they run.
SELECT query_id FROM system.processes
WHERE query_id != queryID() AND user != '' AND query_kind NOT IN ('Alter', 'Create', 'Drop', 'Kill', 'System', 'Optimize')
