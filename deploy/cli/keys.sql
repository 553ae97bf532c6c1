-- name: usage
-- The reports of a project by key, and requests that were refused because their key had ended.
SELECT key, environment, release, sumIf(quantity, outcome = 'accepted') AS accepted,
    sumIf(quantity, reason IN ('expired_key', 'disabled_key')) AS refused, max(minute) AS last
FROM outcomes
WHERE project_id = %(project_id)s AND key != '' AND minute >= now() - INTERVAL %(days)s DAY
GROUP BY key, environment, release
HAVING accepted + refused > 0
ORDER BY key, last DESC, environment, release
