-- Real findings only: everything that no noise rule matched.
CREATE VIEW IF NOT EXISTS violations AS
SELECT * FROM reports WHERE noise = '';

-- One row per finding of a project, across time, releases and environments.
CREATE VIEW IF NOT EXISTS findings AS
SELECT
    project_id,
    fingerprint,
    any(kind) AS kind,
    any(title) AS title,
    any(directive) AS directive,
    any(blocked) AS blocked,
    min(first_seen) AS first_seen,
    max(last_seen) AS last_seen,
    groupUniqArray(release) AS releases,
    groupUniqArray(environment) AS environments,
    sum(seen) AS total
FROM violations
GROUP BY project_id, fingerprint;
