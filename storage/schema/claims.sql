-- name: claims
-- Every claim that there is, the one that counts first.
SELECT toUInt64(substring(name, 11)) AS number, comment FROM system.tables
WHERE database = currentDatabase() AND match(name, '^migrating_[0-9]+$')
ORDER BY number DESC

-- name: exists
-- Whoever takes over drops the claims before its own.
EXISTS TABLE migrating_{{number}}

-- name: beats
-- How often the holder of a claim has said that it lives, and for how many seconds the server has been running.
SELECT count(), uptime() FROM migrating_{{number}}

-- name: claim
-- Without IF NOT EXISTS: of several that claim the same number at once, one succeeds.
CREATE TABLE migrating_{{number}} (beat DateTime64(3, 'UTC') COMMENT 'when the holder was alive')
ENGINE = Memory
COMMENT '{{holder}}'

-- name: beat
INSERT INTO migrating_{{number}} SELECT now64(3)

-- name: drop
DROP TABLE IF EXISTS migrating_{{number}}
