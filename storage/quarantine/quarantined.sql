-- name: columns
received, receipt, project_id, environment, release, reason, error, raw, cityHash64(raw), item, slot

-- name: receipt_stream
toUInt64OrZero(splitByChar('-', receipt)[1])

-- name: receipt_ms
toUInt64OrZero(splitByChar('-', receipt)[2])

-- name: receipt_seq
toUInt64OrZero(splitByChar('-', receipt)[3])

-- name: head_ms
-- The id of the oldest entry of a row's stream that is not committed: its milliseconds.
transform({receipt_stream}, %(streams)s, CAST(%(heads_ms)s, 'Array(UInt64)'), toUInt64(%(others_ms)s))

-- name: head_seq
-- The id of the oldest entry of a row's stream that is not committed: its sequence number.
transform({receipt_stream}, %(streams)s, CAST(%(heads_seq)s, 'Array(UInt64)'), toUInt64(0))

-- name: selected
-- The condition that a row belongs to a selection, and to a batch that is committed. Ids of an earlier generation may be
-- ahead of the clock; their entries were drained before the next generation began.
    (%(receipt)s = '' OR receipt = %(receipt)s)
    AND (%(project_id)s < 0 OR project_id = %(project_id)s)
    AND (%(reason)s = '' OR reason = %(reason)s)
    AND received < fromUnixTimestamp64Milli(%(before_ms)s, 'UTC')
    AND (
        ({receipt_ms}, {receipt_seq}) < ({head_ms}, {head_seq})
        OR intDiv({receipt_seq}, {generation}) < intDiv({head_seq}, {generation})
    )

-- name: extent
SELECT count(), toUnixTimestamp64Milli(max(received)) FROM quarantine WHERE {selected}

-- name: newest
SELECT {columns} FROM quarantine WHERE {selected} ORDER BY received DESC, receipt, item LIMIT %(limit)s

-- name: next_page
-- Rows in the order of receipt, after the last row of the page before.
SELECT {columns} FROM quarantine
WHERE {selected} AND received >= fromUnixTimestamp64Milli(%(after_ms)s, 'UTC')
    AND (received, receipt, item, cityHash64(raw))
    > (fromUnixTimestamp64Milli(%(after_ms)s, 'UTC'), %(after_receipt)s, %(after_item)s, %(after_digest)s)
ORDER BY received, receipt, item, cityHash64(raw) LIMIT %(limit)s WITH TIES

-- name: named
-- The condition that the name of a row is among the given names.
    received >= fromUnixTimestamp64Milli(%(first_ms)s, 'UTC')
    AND received <= fromUnixTimestamp64Milli(%(last_ms)s, 'UTC')
    AND (receipt, item) IN %(items)s AND (item > 0 OR (receipt, cityHash64(raw)) IN %(bytes)s)

-- name: remove
DELETE FROM quarantine WHERE {named}

-- name: left
SELECT count() FROM quarantine WHERE {named}
