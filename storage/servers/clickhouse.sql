-- name: now_ms
SELECT toUnixTimestamp64Milli(now64(3))
