-- One row per distinct report and window, with its exact count.
-- Rows that share the sorting key are merged in the background: always aggregate with sum(seen), never count().
-- `identity` hashes every dimension, so the dimensions outside the sorting key depend on it.
CREATE TABLE IF NOT EXISTS reports
(
    project_id      UInt64                                            COMMENT 'the project that owns the key',
    environment     LowCardinality(String)                            COMMENT 'sentry_environment of the endpoint URL',
    release         LowCardinality(String)                            COMMENT 'sentry_release of the endpoint URL; (other) beyond max_partitions',
    kind            LowCardinality(String)                            COMMENT 'report family: csp, expect-ct, hpkp, …, unknown',
    disposition     LowCardinality(String)                            COMMENT 'enforce, report, or empty when the sender did not say',
    window_start    DateTime64(3, 'UTC')                              COMMENT 'start of the dedupe window of the occurrence time',
    first_seen      SimpleAggregateFunction(min, DateTime64(3, 'UTC')) COMMENT 'earliest occurrence in the window',
    last_seen       SimpleAggregateFunction(max, DateTime64(3, 'UTC')) COMMENT 'latest occurrence in the window',
    seen            SimpleAggregateFunction(sum, UInt64)              COMMENT 'exact number of reports in this row',
    weight          SimpleAggregateFunction(sum, Float64)             COMMENT 'seen scaled by sampling',
    fingerprint     UInt64                                            COMMENT 'groups the same finding across time, releases and environments',
    identity        UInt64                                            COMMENT 'hash of all that makes this row distinct',
    title           String                                            COMMENT 'one line for a person',
    directive       LowCardinality(String)                            COMMENT 'effective directive (CSP), report type (unknown), or violation name',
    blocked         String                                            COMMENT 'scrubbed URL or keyword: inline, eval, wasm-eval, data, …',
    blocked_host    String                                            COMMENT 'host of blocked',
    document        String                                            COMMENT 'scrubbed URL of the page',
    document_host   String                                            COMMENT 'host of document',
    referrer_host   String                                            COMMENT 'host of the referrer',
    source_file     String                                            COMMENT 'scrubbed URL of the script at fault',
    line            UInt32                                            COMMENT 'line in source_file; 0 is unknown',
    column          UInt32                                            COMMENT 'column in source_file; 0 is unknown',
    sample          String                                            COMMENT 'first characters of the blocked code',
    hostname        String                                            COMMENT 'Expect-CT, Expect-Staple, HPKP, NEL: the host concerned',
    port            UInt16                                            COMMENT 'its port; 0 is unknown',
    policy          UInt64                                            COMMENT 'hash into policies; 0 is none',
    browser         LowCardinality(String)                            COMMENT 'browser family',
    browser_version LowCardinality(String)                            COMMENT 'major version',
    os              LowCardinality(String)                            COMMENT 'operating system family',
    status_code     UInt16                                            COMMENT 'HTTP status of the page or request; 0 is unknown',
    noise           LowCardinality(String)                            COMMENT 'class of noise; empty for a real finding',
    noise_rule      LowCardinality(String)                            COMMENT 'stable id of the rule that matched',
    impossible      UInt8                                             COMMENT '1: the reported policy allows what it is said to have blocked',
    details         Map(LowCardinality(String), String)               COMMENT 'what else the report carried',
    raw             String CODEC(ZSTD(3))                             COMMENT 'one original report of the group, scrubbed'
)
ENGINE = AggregatingMergeTree
PARTITION BY (project_id, environment, release)
ORDER BY (window_start, kind, fingerprint, identity)
SETTINGS non_replicated_deduplication_window = 100000, allow_dimensions_outside_sorting_key = 1;
