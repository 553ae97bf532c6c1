-- Of how many senders the reports of a row are. Rows of older releases, and those that workers of an older release
-- still write, have no sketch: their reach is unknown, which is not none.
ALTER TABLE reports
    ADD COLUMN IF NOT EXISTS reach SimpleAggregateFunction(groupBitOr, UInt128) DEFAULT 0
    COMMENT 'sketch of the distinct senders of a day, for reachOf(); 0 is unknown' CODEC(ZSTD(1))
    AFTER weight;

-- The columns of a view are those of its table when it was made: `violations` gets those that came since.
CREATE OR REPLACE VIEW violations AS
SELECT * FROM reports WHERE noise = '';

-- Both views below hold the numbers of reachOf() themselves. A function belongs to the server: a database that is
-- restored, or the user who makes it, may have to do without.

-- One row per finding of a project and day. All senders of a day have their slots under one secret: only within a day
-- may sketches be merged.
CREATE OR REPLACE VIEW findings_by_day AS
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
    groupBitOr(v.reach) AS sketch,
    bitCount(bitAnd(sketch, toUInt128('5192296858534827628530496329220095'))) AS even,
    bitCount(bitShiftRight(sketch, 112)) AS rare
SELECT
    project_id,
    fingerprint,
    toDate(window_start) AS day,
    any(kind) AS kind,
    any(title) AS title,
    any(directive) AS directive,
    any(blocked) AS blocked,
    min(first_seen) AS first_seen,
    max(last_seen) AS last_seen,
    groupUniqArray(release) AS releases,
    groupUniqArray(environment) AS environments,
    sum(seen) AS total,
    nullIf(toUInt64(estimates[1 + even + 16 * greatest(even - 105, 0) + (even >= 105) * rare]), 0) AS reach
FROM violations AS v
GROUP BY project_id, fingerprint, day;

-- One row per finding of a project, across time, releases and environments. Nobody counts twice in the reach of its
-- greatest day, and everybody at least once in the sum of all days: the truth lies between the two.
CREATE OR REPLACE VIEW findings AS
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
    arrayMap(
        (even, rare) -> toUInt64(estimates[1 + even + 16 * greatest(even - 105, 0) + (even >= 105) * rare]),
        arrayMap(sketch -> bitCount(bitAnd(sketch, toUInt128('5192296858534827628530496329220095'))), sketches),
        arrayMap(sketch -> bitCount(bitShiftRight(sketch, 112)), sketches)
    ) AS reaches,
    mapValues(groupBitOrMap(map(toDate(window_start), v.reach))) AS sketches
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
    sum(seen) AS total,
    nullIf(arrayMax(reaches), 0) AS reach,
    nullIf(arraySum(reaches), 0) AS reach_at_most
FROM violations AS v
GROUP BY project_id, fingerprint;
