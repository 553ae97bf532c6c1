-- The text of each policy, once per project; reports.policy points here.
CREATE TABLE IF NOT EXISTS policies
(
    project_id UInt64                                             COMMENT 'the project whose pages sent this policy',
    hash       UInt64                                             COMMENT 'hash of text',
    text       SimpleAggregateFunction(any, String) CODEC(ZSTD(3)) COMMENT 'the policy as reported, nonces included',
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'earliest report under this policy',
    last_seen  SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'latest report under this policy'
)
ENGINE = AggregatingMergeTree
ORDER BY (project_id, hash)
SETTINGS non_replicated_deduplication_window = 100000;
