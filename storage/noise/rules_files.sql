-- name: find
SELECT version, sha256, text, source, stored_at FROM noise_rules WHERE sha256 = %(sha256)s ORDER BY stored_at LIMIT 1

-- name: list
-- All rules files, each as it was stored first.
SELECT version, sha256, argMin(text, stored_at), argMin(source, stored_at), min(stored_at) AS first FROM noise_rules
GROUP BY version, sha256 ORDER BY first

-- name: updates
SELECT revision, sha256, since FROM noise_updates ORDER BY revision DESC LIMIT 1 BY revision

-- name: latest
-- The latest decision, and the file that it names.
SELECT latest.revision, latest.sha256, toUnixTimestamp64Milli(latest.since), noise_rules.version
FROM (SELECT revision, sha256, since FROM noise_updates ORDER BY revision DESC LIMIT 1) AS latest
LEFT ANY JOIN noise_rules ON noise_rules.sha256 = latest.sha256

-- name: now
-- The time of a decision: never before an earlier one, whatever the server's clock does.
SELECT greatest(now64(3, 'UTC'), max(since)) FROM noise_updates
