-- Text compresses several times better by ZSTD than by LZ4, which ClickHouse uses by itself. Parts that are there
-- already change when they are merged.
ALTER TABLE reports_live
    MODIFY COLUMN project_id CODEC(ZSTD(3)),
    MODIFY COLUMN environment CODEC(ZSTD(3)),
    MODIFY COLUMN release CODEC(ZSTD(3)),
    MODIFY COLUMN kind CODEC(ZSTD(3)),
    MODIFY COLUMN disposition CODEC(ZSTD(3)),
    MODIFY COLUMN window_start CODEC(DoubleDelta, ZSTD(3)),
    MODIFY COLUMN first_seen CODEC(ZSTD(3)),
    MODIFY COLUMN last_seen CODEC(ZSTD(3)),
    MODIFY COLUMN seen CODEC(T64, ZSTD(3)),
    MODIFY COLUMN weight CODEC(ZSTD(3)),
    MODIFY COLUMN fingerprint CODEC(ZSTD(3)),
    MODIFY COLUMN identity CODEC(ZSTD(3)),
    MODIFY COLUMN title CODEC(ZSTD(3)),
    MODIFY COLUMN directive CODEC(ZSTD(3)),
    MODIFY COLUMN blocked CODEC(ZSTD(3)),
    MODIFY COLUMN blocked_host CODEC(ZSTD(3)),
    MODIFY COLUMN document CODEC(ZSTD(3)),
    MODIFY COLUMN document_host CODEC(ZSTD(3)),
    MODIFY COLUMN referrer_host CODEC(ZSTD(3)),
    MODIFY COLUMN source_file CODEC(ZSTD(3)),
    MODIFY COLUMN line CODEC(T64, ZSTD(3)),
    MODIFY COLUMN `column` CODEC(T64, ZSTD(3)),
    MODIFY COLUMN sample CODEC(ZSTD(3)),
    MODIFY COLUMN hostname CODEC(ZSTD(3)),
    MODIFY COLUMN port CODEC(ZSTD(3)),
    MODIFY COLUMN policy CODEC(ZSTD(3)),
    MODIFY COLUMN browser CODEC(ZSTD(3)),
    MODIFY COLUMN browser_version CODEC(ZSTD(3)),
    MODIFY COLUMN os CODEC(ZSTD(3)),
    MODIFY COLUMN status_code CODEC(ZSTD(3)),
    MODIFY COLUMN noise CODEC(ZSTD(3)),
    MODIFY COLUMN noise_rule CODEC(ZSTD(3)),
    MODIFY COLUMN noise_version CODEC(ZSTD(3)),
    MODIFY COLUMN impossible CODEC(ZSTD(3)),
    MODIFY COLUMN allowed CODEC(ZSTD(3)),
    MODIFY COLUMN details CODEC(ZSTD(3)),
    MODIFY COLUMN raw CODEC(ZSTD(6));

-- Reports of releases that went quiet: one partition a project and month, so that releases never run out of partitions.
-- They lie release by release and finding by finding, so that equal texts are neighbours: archived rows need two thirds
-- of the bytes of live ones. A release lives for a short time, so the index by time leaves out most of what is not asked for.
CREATE TABLE IF NOT EXISTS reports_archive AS reports_live
ENGINE = AggregatingMergeTree
PARTITION BY (project_id, toYYYYMM(window_start))
ORDER BY (project_id, environment, release, kind, fingerprint, window_start, identity)
SETTINGS non_replicated_deduplication_window = 100000, allow_dimensions_outside_sorting_key = 1;

ALTER TABLE reports_archive
    ADD COLUMN IF NOT EXISTS move UInt64
    COMMENT 'the move that brought the row here, as in archive_moves; 0 for rows that workers stored here',
    MODIFY ORDER BY (project_id, environment, release, kind, fingerprint, window_start, identity, move),
    MODIFY COLUMN raw CODEC(ZSTD(9));

ALTER TABLE reports_archive
    ADD INDEX IF NOT EXISTS by_time window_start TYPE minmax GRANULARITY 1;

-- Moves into the archive that are under way, and none else: one row for each partition that moves, and one more with
-- the state `switched` from the moment on at which the rows are read from the archive.
-- The view `reports` reads it once a query. So a query sees each row in one of both places.
CREATE TABLE IF NOT EXISTS archive_moves
(
    number       UInt64                 COMMENT 'names the move; never given again',
    state        LowCardinality(String) COMMENT 'copying, switched, or abandoned',
    project_id   UInt64                 COMMENT 'whose partition moves',
    environment  LowCardinality(String) COMMENT 'its environment',
    release      LowCardinality(String) COMMENT 'its release',
    partition_id String                 COMMENT 'its id in ClickHouse; empty where the state is switched'
)
ENGINE = MergeTree
PARTITION BY number
ORDER BY (state, project_id, environment, release)
SETTINGS non_replicated_deduplication_window = 10000;

-- One row per distinct report and window, with its exact count, of live and of archived releases.
-- Always aggregate with sum(seen), never count(): equal rows of a window are merged in the background.
CREATE OR REPLACE VIEW reports
(
    `project_id` UInt64 COMMENT 'the project that owns the key',
    `environment` LowCardinality(String) COMMENT 'sentry_environment of the endpoint URL',
    `release` LowCardinality(String) COMMENT 'sentry_release of the endpoint URL; (other) beyond max_partitions',
    `kind` LowCardinality(String) COMMENT 'report family: csp, expect-ct, hpkp, …, unknown',
    `disposition` LowCardinality(String) COMMENT 'enforce, report, or empty when the sender did not say',
    `window_start` DateTime64(3, 'UTC') COMMENT 'start of the dedupe window of the occurrence time',
    `first_seen` SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'earliest occurrence in the window',
    `last_seen` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'latest occurrence in the window',
    `seen` SimpleAggregateFunction(sum, UInt64) COMMENT 'exact number of reports in this row',
    `weight` SimpleAggregateFunction(sum, Float64) COMMENT 'seen scaled by sampling',
    `reach` SimpleAggregateFunction(groupBitOr, UInt128) COMMENT 'sketch of the distinct senders of a day, for reachOf(); 0 is unknown',
    `fingerprint` UInt64 COMMENT 'groups the same finding across time, releases and environments',
    `identity` UInt64 COMMENT 'hash of all that makes this row distinct',
    `title` String COMMENT 'one line for a person',
    `directive` LowCardinality(String) COMMENT 'effective directive (CSP), report type (unknown), or violation name',
    `blocked` String COMMENT 'scrubbed URL or keyword: inline, eval, wasm-eval, data, …',
    `blocked_host` String COMMENT 'host of blocked',
    `document` String COMMENT 'scrubbed URL of the page',
    `document_host` String COMMENT 'host of document',
    `referrer_host` String COMMENT 'host of the referrer',
    `source_file` String COMMENT 'scrubbed URL of the script at fault',
    `line` UInt32 COMMENT 'line in source_file; 0 is unknown',
    `column` UInt32 COMMENT 'column in source_file; 0 is unknown',
    `sample` String COMMENT 'first characters of the blocked code',
    `hostname` String COMMENT 'Expect-CT, Expect-Staple, HPKP, NEL: the host concerned',
    `port` UInt16 COMMENT 'its port; 0 is unknown',
    `policy` UInt64 COMMENT 'hash into policies; 0 is none',
    `browser` LowCardinality(String) COMMENT 'browser family',
    `browser_version` LowCardinality(String) COMMENT 'major version',
    `os` LowCardinality(String) COMMENT 'operating system family',
    `status_code` UInt16 COMMENT 'HTTP status of the page or request; 0 is unknown',
    `noise` LowCardinality(String) COMMENT 'class of noise; empty for a real finding',
    `noise_rule` LowCardinality(String) COMMENT 'stable id of the rule that matched',
    `noise_version` LowCardinality(String) COMMENT 'version of the rules by which noise and noise_rule were decided; empty in rows of older releases',
    `impossible` UInt8 COMMENT '1: the reported policy allows what it is said to have blocked, and no redirect explains it',
    `allowed` UInt8 COMMENT '1: the reported policy allows what it is said to have blocked: a redirect led elsewhere, or the report is forged',
    `details` Map(LowCardinality(String), String) COMMENT 'what else the report carried',
    `raw` String COMMENT 'one original report of the group, scrubbed'
) AS
WITH
    (SELECT (groupArray(partition_id), groupArray(number), groupUniqArrayIf(number, state = 'switched')) FROM archive_moves) AS moves,
    arrayFilter((partition, number) -> has(moves.3, number), moves.1, moves.2) AS left
SELECT
    project_id, environment, release, kind, disposition, window_start, first_seen, last_seen, seen, weight,
    reach, fingerprint, identity, title, directive, blocked, blocked_host, document, document_host,
    referrer_host, source_file, line, `column`, sample, hostname, port, policy, browser, browser_version, os,
    status_code, noise, noise_rule, noise_version, impossible, allowed, details, raw
FROM reports_live WHERE empty(left) OR NOT has(left, _partition_id)
UNION ALL
WITH
    (SELECT (groupArray(partition_id), groupArray(number), groupUniqArrayIf(number, state = 'switched')) FROM archive_moves) AS moves,
    arrayFilter(number -> NOT has(moves.3, number), moves.2) AS arriving
SELECT
    project_id, environment, release, kind, disposition, window_start, first_seen, last_seen, seen, weight,
    reach, fingerprint, identity, title, directive, blocked, blocked_host, document, document_host,
    referrer_host, source_file, line, `column`, sample, hostname, port, policy, browser, browser_version, os,
    status_code, noise, noise_rule, noise_version, impossible, allowed, details, raw
FROM reports_archive WHERE empty(arriving) OR NOT has(arriving, move);

-- Real findings only: what no noise rule matched, and what a policy can have blocked.
CREATE OR REPLACE VIEW violations
(
    `project_id` UInt64 COMMENT 'the project that owns the key',
    `environment` LowCardinality(String) COMMENT 'sentry_environment of the endpoint URL',
    `release` LowCardinality(String) COMMENT 'sentry_release of the endpoint URL; (other) beyond max_partitions',
    `kind` LowCardinality(String) COMMENT 'report family: csp, expect-ct, hpkp, …, unknown',
    `disposition` LowCardinality(String) COMMENT 'enforce, report, or empty when the sender did not say',
    `window_start` DateTime64(3, 'UTC') COMMENT 'start of the dedupe window of the occurrence time',
    `first_seen` SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'earliest occurrence in the window',
    `last_seen` SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'latest occurrence in the window',
    `seen` SimpleAggregateFunction(sum, UInt64) COMMENT 'exact number of reports in this row',
    `weight` SimpleAggregateFunction(sum, Float64) COMMENT 'seen scaled by sampling',
    `reach` SimpleAggregateFunction(groupBitOr, UInt128) COMMENT 'sketch of the distinct senders of a day, for reachOf(); 0 is unknown',
    `fingerprint` UInt64 COMMENT 'groups the same finding across time, releases and environments',
    `identity` UInt64 COMMENT 'hash of all that makes this row distinct',
    `title` String COMMENT 'one line for a person',
    `directive` LowCardinality(String) COMMENT 'effective directive (CSP), report type (unknown), or violation name',
    `blocked` String COMMENT 'scrubbed URL or keyword: inline, eval, wasm-eval, data, …',
    `blocked_host` String COMMENT 'host of blocked',
    `document` String COMMENT 'scrubbed URL of the page',
    `document_host` String COMMENT 'host of document',
    `referrer_host` String COMMENT 'host of the referrer',
    `source_file` String COMMENT 'scrubbed URL of the script at fault',
    `line` UInt32 COMMENT 'line in source_file; 0 is unknown',
    `column` UInt32 COMMENT 'column in source_file; 0 is unknown',
    `sample` String COMMENT 'first characters of the blocked code',
    `hostname` String COMMENT 'Expect-CT, Expect-Staple, HPKP, NEL: the host concerned',
    `port` UInt16 COMMENT 'its port; 0 is unknown',
    `policy` UInt64 COMMENT 'hash into policies; 0 is none',
    `browser` LowCardinality(String) COMMENT 'browser family',
    `browser_version` LowCardinality(String) COMMENT 'major version',
    `os` LowCardinality(String) COMMENT 'operating system family',
    `status_code` UInt16 COMMENT 'HTTP status of the page or request; 0 is unknown',
    `noise` LowCardinality(String) COMMENT 'class of noise; empty for a real finding',
    `noise_rule` LowCardinality(String) COMMENT 'stable id of the rule that matched',
    `noise_version` LowCardinality(String) COMMENT 'version of the rules by which noise and noise_rule were decided; empty in rows of older releases',
    `impossible` UInt8 COMMENT '1: the reported policy allows what it is said to have blocked, and no redirect explains it',
    `allowed` UInt8 COMMENT '1: the reported policy allows what it is said to have blocked: a redirect led elsewhere, or the report is forged',
    `details` Map(LowCardinality(String), String) COMMENT 'what else the report carried',
    `raw` String COMMENT 'one original report of the group, scrubbed'
) AS
SELECT
    project_id, environment, release, kind, disposition, window_start, first_seen, last_seen, seen, weight,
    reach, fingerprint, identity, title, directive, blocked, blocked_host, document, document_host,
    referrer_host, source_file, line, `column`, sample, hostname, port, policy, browser, browser_version, os,
    status_code, noise, noise_rule, noise_version, impossible, allowed, details, raw
FROM reports WHERE noise = '' AND impossible = 0;
