-- name: insert
INSERT INTO {{table}} ({{columns}}) VALUES

-- name: create_twin
-- A table of this connection alone, with the columns of another.
CREATE TEMPORARY TABLE IF NOT EXISTS {{twin}} AS {{table}}

-- name: drop_twin
DROP TEMPORARY TABLE IF EXISTS {{twin}}
