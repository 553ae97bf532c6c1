-- Of how many senders the reports of a row are. Rows of older releases, and those that workers of an older release
-- still write, have no sketch: their reach is unknown, which is not none.
ALTER TABLE reports
    ADD COLUMN IF NOT EXISTS reach SimpleAggregateFunction(groupBitOr, UInt128) DEFAULT 0
    COMMENT 'sketch of the distinct senders of a day, for reachOf(); 0 is unknown'
    AFTER weight;
