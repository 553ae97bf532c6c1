-- Who sent what is in quarantine, as far as reach needs it: what is replayed counts for the same sender. Rows of older
-- releases, and those that workers of an older release still write, have no sender.
ALTER TABLE quarantine
    ADD COLUMN IF NOT EXISTS slot UInt16 DEFAULT 0
    COMMENT 'slot of the sender in the sketches of its day, for replays; 0 is unknown'
    AFTER item;
