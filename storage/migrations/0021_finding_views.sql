-- Views of findings. They hold the numbers of reachOf() themselves: a function belongs to the server, and a database that
-- is restored may have to do without. No reach is above the number of reports: an estimate may be.

-- One row per finding of a project and day, without noise and without the impossible. All senders of a day have their
-- slots under one secret: only within a day may sketches be merged.
CREATE OR REPLACE VIEW findings_by_day
(
    project_id UInt64 COMMENT 'the project',
    fingerprint UInt64 COMMENT 'the finding',
    day Date COMMENT 'the day, UTC',
    kind String COMMENT 'report family',
    title String COMMENT 'one line for a person',
    directive String COMMENT 'effective directive (CSP), report type, or violation name',
    blocked String COMMENT 'one of the URLs or keywords that were blocked',
    blocked_host String COMMENT 'its host',
    first_seen DateTime64(3, 'UTC') COMMENT 'earliest occurrence',
    last_seen DateTime64(3, 'UTC') COMMENT 'latest occurrence',
    releases Array(String) COMMENT 'releases that have it, sorted',
    environments Array(String) COMMENT 'environments that have it, sorted',
    total UInt64 COMMENT 'exact number of reports',
    weight Float64 COMMENT 'total scaled by sampling',
    reach Nullable(UInt64) COMMENT 'about how many people met it on that day; NULL is unknown',
    by_environment Map(String, UInt64) COMMENT 'reports by environment',
    by_release Map(String, UInt64) COMMENT 'reports by release',
    dispositions Map(String, UInt64) COMMENT 'reports by disposition',
    browsers Map(String, UInt64) COMMENT 'reports by browser family',
    documents Array(String) COMMENT 'up to 8 pages that have it'
) AS
WITH
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22, 23, 24, 26, 27, 28, 30, 31,
        32, 34, 35, 36, 38, 39, 41, 42, 43, 45, 46, 48, 49, 51, 53, 54, 56, 58, 59, 61, 63, 64, 66, 68, 70, 72,
        74, 76, 78, 80, 82, 84, 86, 88, 90, 93, 95, 97, 100, 102, 105, 107, 110, 113, 115, 118, 121, 124, 127,
        130, 134, 137, 140, 144, 148, 151, 155, 159, 164, 168, 173, 177, 182, 187, 193, 199, 205, 211, 218, 225,
        233, 241, 250, 260, 271, 282, 296, 299, 305, 313, 320, 325, 331, 337, 345, 351, 357, 363, 369, 376, 382,
        389, 396, 405, 313, 322, 329, 337, 345, 351, 359, 365, 372, 380, 387, 394, 403, 410, 417, 427, 434, 331,
        341, 351, 359, 367, 374, 382, 391, 398, 407, 417, 424, 434, 444, 454, 465, 473, 353, 363, 374, 385, 394,
        405, 414, 424, 434, 444, 454, 465, 479, 490, 504, 516, 531, 378, 391, 405, 419, 432, 444, 454, 468, 481,
        495, 510, 525, 543, 559, 579, 599, 620, 412, 432, 449, 465, 484, 501, 519, 540, 559, 582, 606, 635, 665,
        696, 729, 767, 808, 460, 490, 519, 550, 582, 617, 657, 704, 754, 822, 891, 977, 1070, 1160, 1260, 1360,
        1450, 543, 617, 724, 950, 1730, 3450, 6920, 13800, 27500, 55300, 110000, 221000, 442000, 886000,
        1800000, 3890000, 30000000
    ] AS estimates,
    greatest(ceil(sum(f.weight)), toFloat64(sum(f.seen))) AS most,
    groupBitOr(f.reach) AS sketch,
    bitCount(bitAnd(sketch, toUInt128('5192296858534827628530496329220095'))) AS even,
    bitCount(bitShiftRight(sketch, 112)) AS rare
SELECT
    project_id,
    fingerprint,
    day,
    min(f.kind) AS kind,
    min(f.title) AS title,
    min(f.directive) AS directive,
    min(f.blocked) AS blocked,
    min(f.blocked_host) AS blocked_host,
    min(f.first_seen) AS first_seen,
    max(f.last_seen) AS last_seen,
    arraySort(groupUniqArray(f.release)) AS releases,
    arraySort(groupUniqArray(f.environment)) AS environments,
    sum(f.seen) AS total,
    sum(f.weight) AS weight,
    nullIf(toUInt64(least(
        toFloat64(estimates[1 + even + 16 * greatest(even - 105, 0) + (even >= 105) * rare]), most
    )), 0) AS reach,
    sumMap(map(toString(f.environment), f.seen)) AS by_environment,
    sumMap(map(toString(f.release), f.seen)) AS by_release,
    sumMap(map(toString(f.disposition), f.seen)) AS dispositions,
    sumMap(f.browsers) AS browsers,
    arraySort(mapValues(minMap(f.documents))) AS documents
FROM finding_days AS f
WHERE noise = '' AND impossible = 0
GROUP BY project_id, fingerprint, day;

-- One row per finding of a project, across time, releases and environments. Nobody counts twice in the reach of its
-- greatest day, and everybody at least once in the sum of all days: the truth lies between the two.
CREATE OR REPLACE VIEW findings
(
    project_id UInt64 COMMENT 'the project',
    fingerprint UInt64 COMMENT 'the finding',
    kind String COMMENT 'report family',
    title String COMMENT 'one line for a person',
    directive String COMMENT 'effective directive (CSP), report type, or violation name',
    blocked String COMMENT 'one of the URLs or keywords that were blocked',
    blocked_host String COMMENT 'its host',
    first_seen DateTime64(3, 'UTC') COMMENT 'earliest occurrence',
    last_seen DateTime64(3, 'UTC') COMMENT 'latest occurrence',
    releases Array(String) COMMENT 'releases that have it, sorted',
    environments Array(String) COMMENT 'environments that have it, sorted',
    total UInt64 COMMENT 'exact number of reports',
    weight Float64 COMMENT 'total scaled by sampling',
    reach Nullable(UInt64) COMMENT 'about how many people met it on its greatest day; NULL is unknown',
    reach_at_most Nullable(UInt64) COMMENT 'the sum of all days: somebody who came on two days counts twice',
    by_environment Map(String, UInt64) COMMENT 'reports by environment',
    by_release Map(String, UInt64) COMMENT 'reports by release',
    dispositions Map(String, UInt64) COMMENT 'reports by disposition',
    browsers Map(String, UInt64) COMMENT 'reports by browser family',
    documents Array(String) COMMENT 'up to 8 pages that have it'
) AS
WITH
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22, 23, 24, 26, 27, 28, 30, 31,
        32, 34, 35, 36, 38, 39, 41, 42, 43, 45, 46, 48, 49, 51, 53, 54, 56, 58, 59, 61, 63, 64, 66, 68, 70, 72,
        74, 76, 78, 80, 82, 84, 86, 88, 90, 93, 95, 97, 100, 102, 105, 107, 110, 113, 115, 118, 121, 124, 127,
        130, 134, 137, 140, 144, 148, 151, 155, 159, 164, 168, 173, 177, 182, 187, 193, 199, 205, 211, 218, 225,
        233, 241, 250, 260, 271, 282, 296, 299, 305, 313, 320, 325, 331, 337, 345, 351, 357, 363, 369, 376, 382,
        389, 396, 405, 313, 322, 329, 337, 345, 351, 359, 365, 372, 380, 387, 394, 403, 410, 417, 427, 434, 331,
        341, 351, 359, 367, 374, 382, 391, 398, 407, 417, 424, 434, 444, 454, 465, 473, 353, 363, 374, 385, 394,
        405, 414, 424, 434, 444, 454, 465, 479, 490, 504, 516, 531, 378, 391, 405, 419, 432, 444, 454, 468, 481,
        495, 510, 525, 543, 559, 579, 599, 620, 412, 432, 449, 465, 484, 501, 519, 540, 559, 582, 606, 635, 665,
        696, 729, 767, 808, 460, 490, 519, 550, 582, 617, 657, 704, 754, 822, 891, 977, 1070, 1160, 1260, 1360,
        1450, 543, 617, 724, 950, 1730, 3450, 6920, 13800, 27500, 55300, 110000, 221000, 442000, 886000,
        1800000, 3890000, 30000000
    ] AS estimates,
    greatest(ceil(sum(d.weight)), toFloat64(sum(d.seen))) AS most,
    arrayMap(
        (even, rare) -> toUInt64(estimates[1 + even + 16 * greatest(even - 105, 0) + (even >= 105) * rare]),
        arrayMap(sketch -> bitCount(bitAnd(sketch, toUInt128('5192296858534827628530496329220095'))), sketches),
        arrayMap(sketch -> bitCount(bitShiftRight(sketch, 112)), sketches)
    ) AS reaches,
    mapValues(groupBitOrMap(map(d.day, d.reach))) AS sketches
SELECT
    project_id,
    fingerprint,
    min(d.kind) AS kind,
    min(d.title) AS title,
    min(d.directive) AS directive,
    min(d.blocked) AS blocked,
    min(d.blocked_host) AS blocked_host,
    min(d.first_seen) AS first_seen,
    max(d.last_seen) AS last_seen,
    arraySort(groupUniqArray(d.release)) AS releases,
    arraySort(groupUniqArray(d.environment)) AS environments,
    sum(d.seen) AS total,
    sum(d.weight) AS weight,
    nullIf(toUInt64(least(toFloat64(arrayMax(reaches)), most)), 0) AS reach,
    nullIf(toUInt64(least(toFloat64(arraySum(reaches)), most)), 0) AS reach_at_most,
    sumMap(map(toString(d.environment), d.seen)) AS by_environment,
    sumMap(map(toString(d.release), d.seen)) AS by_release,
    sumMap(map(toString(d.disposition), d.seen)) AS dispositions,
    sumMap(d.browsers) AS browsers,
    arraySort(mapValues(minMap(d.documents))) AS documents
FROM finding_days AS d
WHERE noise = '' AND impossible = 0
GROUP BY project_id, fingerprint;

-- What a release brought: findings that no earlier release of its environment has. A release is earlier if it reported
-- first earlier, noise included. Reports without a release, and those of (other), may be of any: a finding that they had
-- before the release began is not new in it.
-- Names are compared as the type that both sides have, or else no filter would reach the second side of the join.
CREATE OR REPLACE VIEW new_in_release
(
    project_id UInt64 COMMENT 'the project',
    environment LowCardinality(String) COMMENT 'the environment',
    release LowCardinality(String) COMMENT 'the release that brought the finding',
    release_began DateTime64(3, 'UTC') COMMENT 'earliest report of the release',
    earlier_releases UInt64 COMMENT 'releases of the environment that began earlier; 0: nothing tells what is new in the first',
    fingerprint UInt64 COMMENT 'the finding',
    kind String COMMENT 'report family',
    title String COMMENT 'one line for a person',
    directive String COMMENT 'effective directive (CSP), report type, or violation name',
    blocked String COMMENT 'one of the URLs or keywords that were blocked',
    blocked_host String COMMENT 'its host',
    first_seen DateTime64(3, 'UTC') COMMENT 'earliest occurrence in the release',
    last_seen DateTime64(3, 'UTC') COMMENT 'latest occurrence in the release',
    total UInt64 COMMENT 'exact number of reports of the release',
    weight Float64 COMMENT 'total scaled by sampling',
    reach Nullable(UInt64) COMMENT 'about how many people of the release met it on its greatest day; NULL is unknown',
    reach_at_most Nullable(UInt64) COMMENT 'the sum of all days: somebody who came on two days counts twice'
) AS
WITH
    [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16, 17, 18, 20, 21, 22, 23, 24, 26, 27, 28, 30, 31,
        32, 34, 35, 36, 38, 39, 41, 42, 43, 45, 46, 48, 49, 51, 53, 54, 56, 58, 59, 61, 63, 64, 66, 68, 70, 72,
        74, 76, 78, 80, 82, 84, 86, 88, 90, 93, 95, 97, 100, 102, 105, 107, 110, 113, 115, 118, 121, 124, 127,
        130, 134, 137, 140, 144, 148, 151, 155, 159, 164, 168, 173, 177, 182, 187, 193, 199, 205, 211, 218, 225,
        233, 241, 250, 260, 271, 282, 296, 299, 305, 313, 320, 325, 331, 337, 345, 351, 357, 363, 369, 376, 382,
        389, 396, 405, 313, 322, 329, 337, 345, 351, 359, 365, 372, 380, 387, 394, 403, 410, 417, 427, 434, 331,
        341, 351, 359, 367, 374, 382, 391, 398, 407, 417, 424, 434, 444, 454, 465, 473, 353, 363, 374, 385, 394,
        405, 414, 424, 434, 444, 454, 465, 479, 490, 504, 516, 531, 378, 391, 405, 419, 432, 444, 454, 468, 481,
        495, 510, 525, 543, 559, 579, 599, 620, 412, 432, 449, 465, 484, 501, 519, 540, 559, 582, 606, 635, 665,
        696, 729, 767, 808, 460, 490, 519, 550, 582, 617, 657, 704, 754, 822, 891, 977, 1070, 1160, 1260, 1360,
        1450, 543, 617, 724, 950, 1730, 3450, 6920, 13800, 27500, 55300, 110000, 221000, 442000, 886000,
        1800000, 3890000, 30000000
    ] AS estimates,
    began AS (
        SELECT
            project_id, environment, release, min(first_seen) AS release_began
        FROM finding_days WHERE release NOT IN ('', '(other)')
        GROUP BY project_id, environment, release
    ),
    ranked AS (
        SELECT
            project_id, environment, release, release_began,
            row_number() OVER (PARTITION BY project_id, environment ORDER BY release_began, release) - 1 AS earlier_releases
        FROM began
    ),
    firsts AS (
        SELECT
            f.project_id AS project_id, f.environment AS environment, f.fingerprint AS fingerprint,
            argMin(
                (toString(f.release), r.release_began, toUInt64(r.earlier_releases)),
                (if(r.release = '', f.first_seen, r.release_began), r.release = '', r.release)
            ) AS first
        FROM finding_days AS f LEFT JOIN ranked AS r USING (project_id, environment, release)
        WHERE f.noise = '' AND f.impossible = 0
        GROUP BY project_id, environment, fingerprint
    ),
    brought AS (
        SELECT
            project_id, environment, fingerprint, toLowCardinality(tupleElement(first, 1)) AS release,
            tupleElement(first, 2) AS release_began, tupleElement(first, 3) AS earlier_releases
        FROM firsts WHERE tupleElement(first, 1) NOT IN ('', '(other)')
    ),
    greatest(ceil(sum(d.weight)), toFloat64(sum(d.seen))) AS most,
    arrayMap(
        (even, rare) -> toUInt64(estimates[1 + even + 16 * greatest(even - 105, 0) + (even >= 105) * rare]),
        arrayMap(sketch -> bitCount(bitAnd(sketch, toUInt128('5192296858534827628530496329220095'))), sketches),
        arrayMap(sketch -> bitCount(bitShiftRight(sketch, 112)), sketches)
    ) AS reaches,
    mapValues(groupBitOrMap(map(d.day, d.reach))) AS sketches
SELECT
    d.project_id AS project_id,
    d.environment AS environment,
    d.release AS release,
    any(b.release_began) AS release_began,
    any(b.earlier_releases) AS earlier_releases,
    d.fingerprint AS fingerprint,
    min(d.kind) AS kind,
    min(d.title) AS title,
    min(d.directive) AS directive,
    min(d.blocked) AS blocked,
    min(d.blocked_host) AS blocked_host,
    min(d.first_seen) AS first_seen,
    max(d.last_seen) AS last_seen,
    sum(d.seen) AS total,
    sum(d.weight) AS weight,
    nullIf(toUInt64(least(toFloat64(arrayMax(reaches)), most)), 0) AS reach,
    nullIf(toUInt64(least(toFloat64(arraySum(reaches)), most)), 0) AS reach_at_most
FROM finding_days AS d INNER JOIN brought AS b USING (project_id, environment, fingerprint, release)
WHERE d.noise = '' AND d.impossible = 0
GROUP BY project_id, environment, fingerprint, release;

-- How many reports came in, per minute of receipt: exact, noise included.
CREATE OR REPLACE VIEW report_volume
(
    project_id UInt64 COMMENT 'the project',
    minute DateTime('UTC') COMMENT 'minute of receipt',
    environment String COMMENT 'as in reports',
    release String COMMENT 'as in reports',
    kind String COMMENT 'report family; empty where it was never understood',
    accepted UInt64 COMMENT 'reports that were stored',
    quota UInt64 COMMENT 'reports beyond a quota',
    filtered UInt64 COMMENT 'reports that were left out on purpose',
    invalid UInt64 COMMENT 'reports that could not be understood'
) AS
SELECT
    project_id, minute, environment, release, kind, sumIf(quantity, outcome = 'accepted') AS accepted,
    sumIf(quantity, outcome = 'quota') AS quota, sumIf(quantity, outcome = 'filtered') AS filtered,
    sumIf(quantity, outcome = 'invalid') AS invalid
FROM outcomes WHERE outcome != 'refused'
GROUP BY project_id, minute, environment, release, kind;

-- Which policy the pages of a host had, and when.
CREATE OR REPLACE VIEW policies_in_use
(
    project_id UInt64 COMMENT 'the project',
    document_host String COMMENT 'host of the pages',
    environment String COMMENT 'as in reports',
    disposition String COMMENT 'enforce, or report for a policy that only reports',
    policy UInt64 COMMENT 'hash into policies',
    text String COMMENT 'the policy, its nonces left out',
    releases Array(String) COMMENT 'releases that had it, sorted',
    first_seen DateTime64(3, 'UTC') COMMENT 'earliest report under it',
    last_seen DateTime64(3, 'UTC') COMMENT 'latest report under it'
) AS
SELECT
    d.project_id AS project_id, d.document_host AS document_host, d.environment AS environment,
    d.disposition AS disposition, d.policy AS policy, any(p.text) AS text,
    arraySort(groupUniqArray(d.release)) AS releases, min(d.first_seen) AS first_seen, max(d.last_seen) AS last_seen
FROM policy_days AS d
LEFT JOIN (SELECT project_id, hash AS policy, any(text) AS text FROM policies GROUP BY project_id, hash) AS p
    USING (project_id, policy)
GROUP BY project_id, document_host, environment, disposition, policy;
