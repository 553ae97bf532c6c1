-- A mark a minute, in Redis and here: where the two stand apart, one of them was restored to an earlier state.
-- Merges leave the last mark of each day.
CREATE TABLE IF NOT EXISTS marks
(
    number UInt64               COMMENT 'grows by one from mark to mark',
    at     DateTime64(3, 'UTC') COMMENT 'when it was made, by the clock of Redis'
)
ENGINE = ReplacingMergeTree(number)
ORDER BY toDate(at)
SETTINGS non_replicated_deduplication_window = 10000;

-- When one of the two stores was found to know less than the other.
CREATE TABLE IF NOT EXISTS breaks
(
    store LowCardinality(String) COMMENT 'redis or clickhouse: the one that stands at an earlier time',
    since DateTime64(3, 'UTC')   COMMENT 'the time at which it stands, give or take a minute; 1970 when it is empty',
    until DateTime64(3, 'UTC')   COMMENT 'the last time that the other one knows of',
    found DateTime64(3, 'UTC')   COMMENT 'when this was found, by the clock of Redis'
)
ENGINE = ReplacingMergeTree
ORDER BY (store, since, until)
SETTINGS non_replicated_deduplication_window = 10000;

-- Differences in the ledger that an operator knows the reason of: `headrace verify` sees through them.
CREATE TABLE IF NOT EXISTS settlements
(
    settled    DateTime64(3, 'UTC')   COMMENT 'when, by the clock of Redis',
    project_id UInt64                 COMMENT 'whose ledger',
    equation   LowCardinality(String) COMMENT 'as in the JSON of headrace verify',
    amount     Int64                  COMMENT 'left side less right side: positive for what was lost, negative for what is too many',
    reason     String                 COMMENT 'what the operator gave as the reason'
)
ENGINE = MergeTree
ORDER BY (project_id, settled)
SETTINGS non_replicated_deduplication_window = 10000;
