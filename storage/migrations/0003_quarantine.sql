-- What could not be understood, kept for two weeks with its reason.
CREATE TABLE IF NOT EXISTS quarantine
(
    received    DateTime64(3, 'UTC')   COMMENT 'time of receipt',
    receipt     String                 COMMENT 'receipt of the payload, as answered in X-Headrace-Receipt',
    project_id  UInt64                 COMMENT '0: no known project',
    environment LowCardinality(String) COMMENT 'as in reports',
    release     LowCardinality(String) COMMENT 'as in reports',
    reason      LowCardinality(String) COMMENT 'stable reason, as in outcomes',
    error       String                 COMMENT 'what exactly was wrong',
    raw         String CODEC(ZSTD(3))  COMMENT 'the bytes as received'
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(received)
ORDER BY (project_id, received)
TTL toDateTime(received) + INTERVAL 14 DAY
SETTINGS non_replicated_deduplication_window = 100000, ttl_only_drop_parts = 1;
