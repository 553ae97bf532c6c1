-- A column that no analyst is granted. Some table functions tell of the parts of a table, its partitions and their sizes,
-- and do not look at row policies; but they ask for the right to read every column.
ALTER TABLE reports_live
    ADD COLUMN IF NOT EXISTS sealed UInt8 MATERIALIZED 0
    COMMENT 'always 0: no analyst may read it, so none may read what tells of all columns at once';

ALTER TABLE reports_archive
    ADD COLUMN IF NOT EXISTS sealed UInt8 MATERIALIZED 0
    COMMENT 'always 0: no analyst may read it, so none may read what tells of all columns at once';

ALTER TABLE finding_days
    ADD COLUMN IF NOT EXISTS sealed SimpleAggregateFunction(any, UInt8) MATERIALIZED 0
    COMMENT 'always 0: no analyst may read it, so none may read what tells of all columns at once';

ALTER TABLE policy_days
    ADD COLUMN IF NOT EXISTS sealed SimpleAggregateFunction(any, UInt8) MATERIALIZED 0
    COMMENT 'always 0: no analyst may read it, so none may read what tells of all columns at once';

ALTER TABLE policies
    ADD COLUMN IF NOT EXISTS sealed SimpleAggregateFunction(any, UInt8) MATERIALIZED 0
    COMMENT 'always 0: no analyst may read it, so none may read what tells of all columns at once';
