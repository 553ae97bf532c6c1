-- Months of finding_days and policy_days that are to be counted again from reports. A month is noted before anything
-- changes that they depend on, and its note is finished after it was counted: so no death leaves them wrong for good.
CREATE TABLE IF NOT EXISTS finding_rebuilds
(
    project_id UInt64                               COMMENT 'whose findings are to be counted again',
    month      UInt32                               COMMENT 'their month, as toYYYYMM() tells it',
    number     UInt64                               COMMENT 'names the note; never given again',
    finished   SimpleAggregateFunction(max, UInt8)  COMMENT '1: they were counted again',
    changed_at SimpleAggregateFunction(max, DateTime64(3, 'UTC')) DEFAULT now64(3) COMMENT 'when it was noted, then when it was finished'
)
ENGINE = AggregatingMergeTree
ORDER BY (project_id, month, number)
SETTINGS non_replicated_deduplication_window = 10000;

-- A removal is of some pairs of environment and release of a project, wherever their reports are.
ALTER TABLE removals
    ADD COLUMN IF NOT EXISTS pairs SimpleAggregateFunction(groupUniqArrayArray, Array(Tuple(String, String)))
    COMMENT 'pairs of environment and release of the reports that were removed; empty in removals of older releases',
    ADD COLUMN IF NOT EXISTS dropped SimpleAggregateFunction(max, UInt8)
    COMMENT '1: release drop removed them; 0: retention did',
    ADD COLUMN IF NOT EXISTS last_block SimpleAggregateFunction(max, UInt64)
    COMMENT 'of a partition of reports_live that is dropped: the number of its last block; 0 for other removals';

ALTER TABLE projects
    ADD COLUMN IF NOT EXISTS floors String
    COMMENT 'like removed_before, but for single releases and environments, as JSON';
