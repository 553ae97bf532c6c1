-- `reports` becomes a view, of two tables: the partitions of live releases, and an archive by month.
-- Workers of older releases insert into `reports`. A view refuses that, and then they ask the table `migrations`
-- whether the database is up to date: without an answer they wait, and store nothing wrong. `headrace migrate` of such a
-- release stops for the same reason. What the table held is in `schema_migrations` before this migration begins.
DROP TABLE IF EXISTS migrations;

CREATE VIEW IF NOT EXISTS migrations (name String) AS
SELECT toString(throwIf(1, 'This database is of a newer release of Headrace: install that release')) AS name;

RENAME TABLE IF EXISTS reports TO reports_live;

-- An insert that began before goes on under the new name, and so does a change of labels.
SETTLE reports_live;

-- Some migrations had another text when they were released first. Databases of that time get what their later text makes.
ALTER TABLE reports_live MODIFY COLUMN reach CODEC(ZSTD(1));

ALTER TABLE policies COMMENT COLUMN text 'the policy as reported, its nonces left out';

ALTER TABLE outcomes COMMENT COLUMN outcome 'accepted, filtered, invalid, or refused by the edge';

ALTER TABLE receipts
    ADD COLUMN IF NOT EXISTS rejected_outcome Array(LowCardinality(String))
    COMMENT 'what became of them: filtered or invalid'
    AFTER rejected_payload,
    DROP COLUMN IF EXISTS filtered,
    DROP COLUMN IF EXISTS invalid,
    MODIFY COLUMN accepted Array(UInt32),
    MODIFY COLUMN rejected_payload Array(UInt32),
    MODIFY COLUMN rejected_reports Array(UInt32),
    COMMENT COLUMN rejected_reports 'how many reports of that payload';

-- At that time no report was filtered but those that called themselves tests.
ALTER TABLE receipts
    UPDATE rejected_outcome = arrayMap(reason -> if(reason = 'test_report', 'filtered', 'invalid'), rejected_reason)
    WHERE length(rejected_outcome) != length(rejected_reason)
    SETTINGS mutations_sync = 2;
