-- What an analyst asks about findings is answered from here: a row per project, finding, environment, release, label and
-- day. Workers fill it in the same batch as the reports; it says of all reports what they say, and no more.
-- It is filled under another name and renamed then, so that no worker adds to it what was counted already; in pieces that
-- fit into memory, so that a run that ended in the middle is taken up where it stopped.
CREATE TABLE IF NOT EXISTS finding_days_filling
(
    project_id   UInt64                                             COMMENT 'as in reports',
    day          Date                                               COMMENT 'day of window_start, UTC',
    fingerprint  UInt64                                             COMMENT 'the finding',
    environment  LowCardinality(String)                             COMMENT 'as in reports',
    release      LowCardinality(String)                             COMMENT 'as in reports',
    disposition  LowCardinality(String)                             COMMENT 'as in reports',
    noise        LowCardinality(String)                             COMMENT 'class of noise; empty for a real finding',
    noise_rule   LowCardinality(String)                             COMMENT 'stable id of the rule that matched',
    impossible   UInt8                                              COMMENT 'as in reports',
    kind         SimpleAggregateFunction(min, LowCardinality(String)) COMMENT 'report family',
    title        SimpleAggregateFunction(min, String)               COMMENT 'one line for a person' CODEC(ZSTD(1)),
    directive    SimpleAggregateFunction(min, LowCardinality(String)) COMMENT 'as in reports',
    blocked      SimpleAggregateFunction(min, String)               COMMENT 'one of the values that reports have: the first in the alphabet' CODEC(ZSTD(1)),
    blocked_host SimpleAggregateFunction(min, String)               COMMENT 'likewise' CODEC(ZSTD(1)),
    first_seen   SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'earliest occurrence of the day' CODEC(ZSTD(1)),
    last_seen    SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'latest occurrence of the day' CODEC(ZSTD(1)),
    seen         SimpleAggregateFunction(sum, UInt64)               COMMENT 'exact number of reports' CODEC(ZSTD(1)),
    weight       SimpleAggregateFunction(sum, Float64)              COMMENT 'seen scaled by sampling' CODEC(ZSTD(1)),
    reach        SimpleAggregateFunction(groupBitOr, UInt128)       COMMENT 'sketch of the distinct senders of the day, for reachOf(); 0 is unknown' CODEC(ZSTD(1)),
    browsers     SimpleAggregateFunction(sumMap, Map(String, UInt64)) COMMENT 'reports by browser family' CODEC(ZSTD(1)),
    documents    SimpleAggregateFunction(minMap, Map(UInt8, String)) COMMENT 'up to 8 pages: the first in the alphabet of each of 8 groups by xxHash64(document) % 8' CODEC(ZSTD(1)),

    -- What the views ask of each part is counted when parts are merged, and not when workers insert. Rows that were not
    -- merged yet are counted by each question. ClickHouse takes these only for a question that names the same functions.
    PROJECTION totals
    (
        SELECT
            project_id, noise, impossible, fingerprint,
            min(kind), min(title), min(directive), min(blocked), min(blocked_host), min(first_seen), max(last_seen),
            groupUniqArray(release), groupUniqArray(environment), sum(seen), sum(weight),
            groupBitOrMap(map(day, reach)), sumMap(map(toString(disposition), seen)),
            sumMap(map(toString(environment), seen)), sumMap(map(toString(release), seen)), sumMap(browsers),
            minMap(documents)
        GROUP BY project_id, noise, impossible, fingerprint
    ),
    PROJECTION releases
    (
        SELECT project_id, environment, release, min(first_seen)
        GROUP BY project_id, environment, release
    )
)
ENGINE = AggregatingMergeTree
PARTITION BY (project_id, toYYYYMM(day))
ORDER BY (project_id, day, fingerprint, environment, release, disposition, noise, noise_rule, impossible)
SETTINGS
    non_replicated_deduplication_window = 100000,
    deduplicate_merge_projection_mode = 'rebuild',
    lightweight_mutation_projection_mode = 'rebuild',
    materialize_projections_on_insert = 0,
    materialize_projections_on_merge = 1;

INSERT INTO finding_days_filling
SELECT
    project_id, toDate(window_start) AS day, fingerprint, environment, release, disposition, noise, noise_rule,
    impossible, min(kind), min(title), min(directive), min(blocked), min(blocked_host), min(first_seen),
    max(last_seen), sum(seen), sum(weight), groupBitOr(reach), sumMap(map(toString(browser), seen)),
    minMap(map(toUInt8(xxHash64(document) % 8), document))
FROM reports WHERE {project_and_month}
GROUP BY project_id, day, fingerprint, environment, release, disposition, noise, noise_rule, impossible;

-- Which policy the pages of a host had on a day.
CREATE TABLE IF NOT EXISTS policy_days_filling
(
    project_id    UInt64                                             COMMENT 'as in reports',
    day           Date                                               COMMENT 'day of window_start, UTC',
    environment   LowCardinality(String)                             COMMENT 'as in reports',
    release       LowCardinality(String)                             COMMENT 'as in reports',
    document_host String                                             COMMENT 'host of the pages',
    disposition   LowCardinality(String)                             COMMENT 'as in reports',
    policy        UInt64                                             COMMENT 'hash into policies',
    first_seen    SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'earliest report of the day under it',
    last_seen     SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'latest report of the day under it'
)
ENGINE = AggregatingMergeTree
PARTITION BY project_id
ORDER BY (project_id, day, environment, release, document_host, disposition, policy)
SETTINGS non_replicated_deduplication_window = 100000;

INSERT INTO policy_days_filling
SELECT
    project_id, toDate(window_start) AS day, environment, release, document_host, disposition, policy,
    min(first_seen), max(last_seen)
FROM reports WHERE policy != 0 AND {project}
GROUP BY project_id, day, environment, release, document_host, disposition, policy;
