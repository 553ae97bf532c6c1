-- name: begin
CREATE TABLE stored_batch AS reports_live

-- name: findings
INSERT INTO finding_days (
    project_id, day, fingerprint, environment, release, disposition, noise, noise_rule, impossible, kind, title,
    directive, blocked, blocked_host, first_seen, last_seen, seen, weight, reach, browsers, documents
)
SETTINGS insert_deduplicate = 0
SELECT
    project_id, toDate(window_start) AS day, fingerprint, environment, release, disposition, noise, noise_rule,
    impossible, min(kind), min(title), min(directive), min(blocked), min(blocked_host), min(first_seen),
    max(last_seen), sum(seen), sum(weight), groupBitOr(reach), sumMap(map(toString(browser), seen)),
    minMap(map(toUInt8(xxHash64(document) % 8), document))
FROM {{source}}
GROUP BY project_id, day, fingerprint, environment, release, disposition, noise, noise_rule, impossible

-- name: policies
INSERT INTO policy_days (
    project_id, day, environment, release, document_host, disposition, policy, first_seen, last_seen
)
SETTINGS insert_deduplicate = 0
SELECT
    project_id, toDate(window_start) AS day, environment, release, document_host, disposition, policy,
    min(first_seen), max(last_seen)
FROM {{source}} WHERE policy != 0
GROUP BY project_id, day, environment, release, document_host, disposition, policy

-- name: forget
TRUNCATE TABLE {{table}}

-- name: end
DROP TABLE stored_batch
