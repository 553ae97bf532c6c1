-- name: there
SELECT count() FROM system.databases WHERE name = %(database)s

-- name: create_database
CREATE DATABASE IF NOT EXISTS `{{database}}`
