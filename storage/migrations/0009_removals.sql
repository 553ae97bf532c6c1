-- How many reports retention removed: so the ledger still balances when they are gone.
-- A removal is begun before its rows go and finished after; until then the ledger leaves those rows out.
CREATE TABLE IF NOT EXISTS removals
(
    project_id UInt64                                COMMENT 'whose reports were removed',
    cutoff     DateTime64(3, 'UTC')                  COMMENT 'reports whose window started before this were removed',
    reports    SimpleAggregateFunction(sum, UInt64)  COMMENT 'reports in the rows removed: the sum of seen',
    finished   SimpleAggregateFunction(max, UInt8)   COMMENT '1: the rows are gone',
    changed_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) DEFAULT now64(3) COMMENT 'when it was begun, then when it was finished'
)
ENGINE = AggregatingMergeTree
ORDER BY (project_id, cutoff)
SETTINGS non_replicated_deduplication_window = 100000;
