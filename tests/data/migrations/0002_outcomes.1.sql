-- What became of every report, and of every request the edge refused.
-- The ledger: per project, sum(quantity) without `refused` equals the reports found in the committed payloads.
CREATE TABLE IF NOT EXISTS outcomes
(
    minute      DateTime('UTC')        COMMENT 'minute of receipt',
    project_id  UInt64                 COMMENT '0: no known project',
    key         LowCardinality(String) COMMENT 'public key used; empty when unknown',
    environment LowCardinality(String) COMMENT 'as in reports',
    release     LowCardinality(String) COMMENT 'as in reports',
    kind        LowCardinality(String) COMMENT 'report family; empty when it was never understood',
    outcome     LowCardinality(String) COMMENT 'accepted, quota, filtered, invalid, or refused by the edge',
    reason      LowCardinality(String) COMMENT 'why; empty for accepted',
    quantity    UInt64                 COMMENT 'reports; requests for refused'
)
ENGINE = SummingMergeTree(quantity)
PARTITION BY toYYYYMM(minute)
ORDER BY (project_id, minute, outcome, reason, kind, key, environment, release)
SETTINGS non_replicated_deduplication_window = 100000;
