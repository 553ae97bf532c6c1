-- name: findings
SELECT
    project_id, toDate(window_start) AS day, fingerprint, environment, release, disposition, noise, noise_rule,
    impossible, min(kind), min(title), min(directive), min(blocked), min(blocked_host), min(first_seen),
    max(last_seen), sum(seen), round(sum(weight), 6), groupBitOr(reach), sumMap(map(toString(browser), seen)),
    minMap(map(toUInt8(xxHash64(document) %% 8), document))
FROM reports
GROUP BY project_id, day, fingerprint, environment, release, disposition, noise, noise_rule, impossible

-- name: stored_findings
SELECT
    project_id, day, fingerprint, environment, release, disposition, noise, noise_rule,
    impossible, min(kind), min(title), min(directive), min(blocked), min(blocked_host), min(first_seen),
    max(last_seen), sum(seen), round(sum(weight), 6), groupBitOr(reach), sumMap(browsers), minMap(documents)
FROM finding_days
GROUP BY project_id, day, fingerprint, environment, release, disposition, noise, noise_rule, impossible

-- name: policies
SELECT
    project_id, toDate(window_start) AS day, environment, release, document_host, disposition, policy,
    min(first_seen), max(last_seen)
FROM reports WHERE policy != 0
GROUP BY project_id, day, environment, release, document_host, disposition, policy

-- name: stored_policies
SELECT
    project_id, day, environment, release, document_host, disposition, policy, min(first_seen), max(last_seen)
FROM policy_days
GROUP BY project_id, day, environment, release, document_host, disposition, policy

-- name: findings_differ
SELECT 'missing', * FROM ({findings} EXCEPT {stored_findings})
UNION ALL
SELECT 'too many', * FROM ({stored_findings} EXCEPT {findings})

-- name: policies_differ
SELECT 'missing', * FROM ({policies} EXCEPT {stored_policies})
UNION ALL
SELECT 'too many', * FROM ({stored_policies} EXCEPT {policies})
