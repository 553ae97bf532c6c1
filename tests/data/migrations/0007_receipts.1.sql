-- What became of each payload, one row per stream entry: `headrace trace` answers from it.
-- The arrays have one element per payload of the entry, but for `rejected_…`: one per payload and reason.
-- Partitioned by time of receipt, which a repeated insert shares, so that deduplication finds it; kept from the
-- commit on, so that a backlog of days can be traced too.
CREATE TABLE IF NOT EXISTS receipts
(
    shard            UInt16                                COMMENT 'first part of the receipts of this entry',
    ms               UInt64                                COMMENT 'second part: time of receipt in ms since the epoch',
    seq              UInt64                                COMMENT 'third part: sequence number within that millisecond',
    project_id       Array(UInt64)                         COMMENT 'project of each payload',
    accepted         Array(UInt16)                         COMMENT 'accepted reports of each payload',
    filtered         Array(UInt16)                         COMMENT 'filtered reports of each payload',
    invalid          Array(UInt16)                         COMMENT 'invalid reports of each payload',
    fingerprint      Array(UInt64)                         COMMENT 'fingerprint of its first accepted report; 0 is none',
    rejected_payload Array(UInt16)                         COMMENT 'payloads with reports that were not accepted: their index',
    rejected_reason  Array(LowCardinality(String))         COMMENT 'why, as in outcomes',
    rejected_reports Array(UInt16)                         COMMENT 'how many reports of that payload for that reason',
    committed        DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when the rows of its batch were written'
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(fromUnixTimestamp64Milli(toInt64(ms), 'UTC'))
ORDER BY (shard, ms, seq)
TTL toDateTime(committed) + INTERVAL 3 DAY
SETTINGS non_replicated_deduplication_window = 100000, ttl_only_drop_parts = 1;
