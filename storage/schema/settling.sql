-- name: inserts
-- Inserts under way, of any user. An insert goes on where its table was when it began, whatever is renamed meanwhile.
SELECT query_id FROM system.processes WHERE query_kind = 'Insert' AND current_database = currentDatabase()

-- name: mutations
SELECT count(), anyIf(latest_fail_reason, latest_fail_reason != '') FROM system.mutations
WHERE database = currentDatabase() AND table = %(table)s AND NOT is_done AND NOT is_killed
