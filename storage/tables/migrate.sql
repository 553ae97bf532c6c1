-- name: create_table
CREATE TABLE IF NOT EXISTS migrations
(
    name       String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = MergeTree ORDER BY name
SETTINGS non_replicated_deduplication_window = 10000

-- name: create_database
CREATE DATABASE IF NOT EXISTS `{{database}}`

-- name: done
SELECT name FROM migrations

-- name: record
INSERT INTO migrations (name) VALUES
