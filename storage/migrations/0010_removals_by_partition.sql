-- A removal is of one partition, has a number that never comes again, and can be withdrawn: then it takes
-- off again as many reports as it counted.
ALTER TABLE removals
    ADD COLUMN IF NOT EXISTS number UInt64
    COMMENT 'grows with each removal of a project; 0 for removals of older releases, which were of all partitions',
    ADD COLUMN IF NOT EXISTS environment SimpleAggregateFunction(max, String)
    COMMENT 'environment of the reports that were removed',
    ADD COLUMN IF NOT EXISTS release SimpleAggregateFunction(max, String)
    COMMENT 'release of the reports that were removed',
    MODIFY ORDER BY (project_id, cutoff, number);

ALTER TABLE removals
    MODIFY COLUMN reports SimpleAggregateFunction(sum, Int64)
    COMMENT 'reports in the rows removed: the sum of seen';

ALTER TABLE projects
    ADD COLUMN IF NOT EXISTS removed_before DateTime64(3, 'UTC')
    COMMENT 'no report whose window starts before this is taken: such reports were removed, or are being removed';
