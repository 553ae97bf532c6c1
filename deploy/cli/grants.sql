-- name: threads
-- The threads that the server gives a query, which no query of an analyst may exceed.
SELECT toUInt32(getSetting('max_threads'))
