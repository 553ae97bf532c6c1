-- What leaves the quarantine is counted: rows have a number within their receipt, so that each can be named,
-- and expire by maintenance, which counts them, instead of by themselves.
ALTER TABLE quarantine
    ADD COLUMN IF NOT EXISTS item UInt32
    COMMENT 'which row of its receipt, from 1; 0 in rows of older releases, which the ledger leaves out';

ALTER TABLE quarantine
    MODIFY TTL toDateTime(received) + INTERVAL 10 YEAR
    SETTINGS materialize_ttl_after_modify = 0;

-- Rows that are about to leave: named here first, then deleted, then counted in `departures`.
CREATE TABLE IF NOT EXISTS leaving
(
    step       UInt64                 COMMENT 'which step takes them out',
    cause      LowCardinality(String) COMMENT 'dropped or expired',
    project_id UInt64                 COMMENT 'as in quarantine',
    received   DateTime64(3, 'UTC')   COMMENT 'as in quarantine',
    receipt    String                 COMMENT 'as in quarantine',
    item       UInt32                 COMMENT 'as in quarantine',
    reason     LowCardinality(String) COMMENT 'as in quarantine'
)
ENGINE = MergeTree
PARTITION BY step
ORDER BY (receipt, item);

-- How many rows left the quarantine, and why. Those that were replayed are counted in Redis, with their payloads.
CREATE TABLE IF NOT EXISTS departures
(
    step       UInt64                 COMMENT 'which step took them out; a project may have none in it',
    cause      LowCardinality(String) COMMENT 'dropped or expired; empty where a step begins',
    project_id UInt64                 COMMENT 'as in quarantine',
    rows       UInt64                 COMMENT 'numbered rows that left',
    left_at    DateTime64(3, 'UTC')   COMMENT 'when'
)
ENGINE = MergeTree
ORDER BY (project_id, step)
SETTINGS non_replicated_deduplication_window = 100000;
