-- By which rules a report was labelled. Rows of older releases, and those that workers of an older release still write,
-- do not say it.
ALTER TABLE reports
    ADD COLUMN IF NOT EXISTS noise_version LowCardinality(String) DEFAULT ''
    COMMENT 'version of the rules by which noise and noise_rule were decided; empty in rows of older releases'
    AFTER noise_rule;

-- The rules files that this system knows: those that were loaded, and those of its releases.
CREATE TABLE IF NOT EXISTS noise_rules
(
    version   String               COMMENT 'version of the rules file, as in the column noise_version of reports',
    sha256    String               COMMENT 'SHA-256 of its text, in hex',
    text      String CODEC(ZSTD(3)) COMMENT 'the rules file, TOML',
    source    String               COMMENT 'where it was read: a file, a URL without its query, or a release',
    stored_at DateTime64(3, 'UTC') COMMENT 'when it was stored here'
)
ENGINE = ReplacingMergeTree
ORDER BY (version, sha256)
SETTINGS non_replicated_deduplication_window = 10000;

-- Each decision which rules file is to be in force. The row with the highest revision counts.
CREATE TABLE IF NOT EXISTS noise_updates
(
    revision UInt64               COMMENT 'grows by one with every decision',
    sha256   String               COMMENT 'the rules file, as in noise_rules; empty for the one that is shipped',
    since    DateTime64(3, 'UTC') COMMENT 'when it was decided'
)
ENGINE = MergeTree
ORDER BY revision
SETTINGS non_replicated_deduplication_window = 10000;
