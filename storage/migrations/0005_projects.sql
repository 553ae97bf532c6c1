-- The registry's source of truth. The row with the highest revision is the project; Redis serves it to the edge.
CREATE TABLE IF NOT EXISTS projects
(
    id         UInt64               COMMENT 'the number in the endpoint URL',
    revision   UInt64               COMMENT 'grows by one with every change',
    name       String               COMMENT 'for people',
    keys       Array(String)        COMMENT 'enabled public keys',
    status     LowCardinality(String) COMMENT 'active, disabled or retired',
    settings   String               COMMENT 'per-project settings as JSON; absent ones have their default',
    changed_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when this revision was written'
)
ENGINE = ReplacingMergeTree(revision)
ORDER BY id
SETTINGS non_replicated_deduplication_window = 100000;
