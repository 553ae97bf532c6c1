-- name: deleted_projects
SELECT id FROM projects FINAL WHERE status = 'deleted'
