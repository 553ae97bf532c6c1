-- name: reach_of
-- An empty sketch is NULL. From {crowded} even bits on, each number of rare bits has an estimate of its own. No branch,
-- for ClickHouse evaluates both sides of some: every index is within the array.
headrace_sketch -> nullIf(toUInt64({numbers}[
    1 + bitCount(bitAnd(toUInt128(headrace_sketch), toUInt128('{even_bits}')))
    + {rare} * greatest(bitCount(bitAnd(toUInt128(headrace_sketch), toUInt128('{even_bits}'))) - {crowded}, 0)
    + (bitCount(bitAnd(toUInt128(headrace_sketch), toUInt128('{even_bits}'))) >= {crowded})
    * bitCount(bitShiftRight(toUInt128(headrace_sketch), {even}))
]), 0)

-- name: create
CREATE FUNCTION IF NOT EXISTS reachOf AS {reach_of}

-- name: replace
CREATE OR REPLACE FUNCTION reachOf AS {reach_of}

-- name: found
SELECT create_query FROM system.functions WHERE name = 'reachOf'

-- name: estimates
SELECT arrayMap(sketch -> reachOf(toUInt128(sketch)), %(sketches)s)
