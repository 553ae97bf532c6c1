-- name: each
SELECT project, if(project = 1, 'own', '{secret}') AS word, number
FROM (SELECT arrayJoin([1, 2]) AS project) AS p CROSS JOIN numbers({others}) AS n
WHERE project = 2 OR number < {own}

-- name: reports_live
INSERT INTO reports_live (
    project_id, environment, release, kind, window_start, first_seen, last_seen, seen, weight, fingerprint,
    identity, title, document, blocked, raw
) SELECT
    project, word, word, 'csp', now(), now(), now(), 1, 1, number, number, word, word, word, word
FROM ({each})

-- name: reports_archive
INSERT INTO reports_archive (
    project_id, environment, release, kind, window_start, seen, weight, fingerprint, identity, title, raw
) SELECT
    project, word, concat(word, '-old'), 'csp', now() - INTERVAL 40 DAY, 1, 1, number, number, word, word
FROM ({each})

-- name: archive_moves
INSERT INTO archive_moves (
    number, state, project_id, environment, release, partition_id
) SELECT
    1000 + project, 'copying', project, word, word, word
FROM ({each})

-- name: finding_days
INSERT INTO finding_days (
    project_id, day, fingerprint, environment, release, kind, title, blocked, first_seen, last_seen, seen,
    weight
) SELECT
    project, today(), number, word, word, 'csp', word, word, now(), now(), 1, 1
FROM ({each})

-- name: policy_days
INSERT INTO policy_days (
    project_id, day, environment, release, document_host, policy, first_seen, last_seen
) SELECT
    project, today(), word, word, concat(word, toString(number)), number, now(), now()
FROM ({each})

-- name: policies
INSERT INTO policies (
    project_id, hash, text, first_seen, last_seen
) SELECT
    project, number, word, now(), now()
FROM ({each})

-- name: outcomes
INSERT INTO outcomes (
    minute, project_id, key, environment, release, kind, outcome, quantity
) SELECT
    now(), project, word, word, concat(word, toString(number)), 'csp', 'accepted', 1
FROM ({each})

-- name: projects
INSERT INTO projects (
    id, revision, name, keys, settings, status
) SELECT
    project, number, concat(word, toString(number)), [word], word, 'active'
FROM ({each})

-- name: quarantine
INSERT INTO quarantine (
    received, receipt, project_id, environment, release, reason, error, raw
) SELECT
    now(), word, project, word, word, word, word, word
FROM ({each})

-- name: receipts
INSERT INTO receipts (
    shard, ms, seq, project_id, rejected_reason
) SELECT
    0, toUnixTimestamp64Milli(now64(3)), number, [project], [word]
FROM ({each})

-- name: removals
INSERT INTO removals (
    project_id, cutoff, number, release
) SELECT
    project, now(), number, word
FROM ({each})

-- name: departures
INSERT INTO departures (
    step, cause, project_id, rows
) SELECT
    number, word, project, 1
FROM ({each})

-- name: of_both
-- An entry with payloads of both projects.
INSERT INTO receipts (shard, ms, seq, project_id, rejected_reason)
SELECT 1, toUnixTimestamp64Milli(now64(3)), 1, [1, 2], ['{secret}']

-- name: wide
-- A file for each column of a part, so that each column has a size.
ALTER TABLE {{table}} MODIFY SETTING min_bytes_for_wide_part = 0, min_rows_for_wide_part = 0
