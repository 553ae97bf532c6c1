-- name: leftovers
-- Side tables of rebuilds that were interrupted.
SELECT name FROM system.tables
WHERE database = currentDatabase() AND match(name, '^(finding|policy)_days_again_[0-9a-f]+$')

-- name: create
CREATE TABLE `{{side}}` AS `{{table}}`

-- name: drop
DROP TABLE IF EXISTS `{{side}}` SYNC

-- name: of_month
project_id = %(project)s
    AND window_start >= toDateTime64(%(since)s, 3, 'UTC') AND window_start < toDateTime64(%(until)s, 3, 'UTC')

-- name: of_day
project_id = %(project)s
    AND window_start >= toDateTime64(%(day)s, 3, 'UTC') AND window_start < toDateTime64(%(day)s, 3, 'UTC') + INTERVAL 1 DAY

-- name: days
SELECT DISTINCT toString(toDate(window_start)) AS day FROM reports WHERE {of_month} ORDER BY day

-- name: count_findings
INSERT INTO `{{side}}`
SELECT
    project_id, toDate(window_start) AS day, fingerprint, environment, release, disposition, noise, noise_rule,
    impossible, min(kind), min(title), min(directive), min(blocked), min(blocked_host), min(first_seen),
    max(last_seen), sum(seen), sum(weight), groupBitOr(reach), sumMap(map(toString(browser), seen)),
    minMap(map(toUInt8(xxHash64(document) %% 8), document))
FROM reports WHERE {of_day}
GROUP BY project_id, day, fingerprint, environment, release, disposition, noise, noise_rule, impossible

-- name: count_policies
INSERT INTO `{{side}}`
SELECT
    project_id, toDate(window_start) AS day, environment, release, document_host, disposition, policy,
    min(first_seen), max(last_seen)
FROM reports WHERE {of_day} AND policy != 0
GROUP BY project_id, day, environment, release, document_host, disposition, policy

-- name: keep_policies
-- Policies have one partition a project: those of its other months stay as they are.
INSERT INTO `{{side}}`
SELECT * FROM policy_days WHERE project_id = %(project)s AND toYYYYMM(day) != %(month)s

-- name: any
SELECT 1 FROM `{{side}}` LIMIT 1

-- name: replace_finding_days
ALTER TABLE finding_days REPLACE PARTITION tuple(%(project)s, %(month)s) FROM `{{side}}`

-- name: replace_policy_days
ALTER TABLE policy_days REPLACE PARTITION %(project)s FROM `{{side}}`

-- name: drop_finding_days
ALTER TABLE finding_days DROP PARTITION tuple(%(project)s, %(month)s)

-- name: drop_policy_days
ALTER TABLE policy_days DROP PARTITION %(project)s

-- name: months
-- The months in which projects have reports or findings.
SELECT DISTINCT project_id, month FROM (
    SELECT project_id, toYYYYMM(window_start) AS month FROM reports
    UNION ALL
    SELECT project_id, toYYYYMM(day) AS month FROM finding_days
    UNION ALL
    SELECT project_id, toYYYYMM(day) AS month FROM policy_days
)
ORDER BY project_id, month
