-- name: create
CREATE TABLE IF NOT EXISTS schema_migrations
(
    name   String COMMENT 'file in storage/migrations, without its suffix',
    sha256 String COMMENT 'SHA-256 of the file, in hex',
    began  SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'when it was begun first',
    ended  SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'when it had ended; 1970: it has not'
)
ENGINE = AggregatingMergeTree
ORDER BY (name, sha256)

-- name: read
SELECT name, sha256, min(began), max(ended) FROM schema_migrations GROUP BY name, sha256 ORDER BY name, max(ended)

-- name: engines
-- Which of the two tables there are, and whether there are reports.
SELECT name, engine FROM system.tables
WHERE database = currentDatabase() AND name IN ('schema_migrations', 'migrations', 'reports_live')

-- name: read_old
-- The table of releases that knew no checksums.
SELECT name, min(applied_at) FROM migrations GROUP BY name ORDER BY name

-- name: begin
INSERT INTO schema_migrations SELECT %(name)s, %(sha256)s, now64(3), toDateTime64(0, 3)

-- name: end
INSERT INTO schema_migrations SELECT %(name)s, %(sha256)s, now64(3), now64(3)

-- name: take_over
INSERT INTO schema_migrations (name, sha256, began, ended) VALUES
