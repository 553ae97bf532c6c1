-- Keys that end, and keys that were disabled, beside the plain list that rows of older releases have.
ALTER TABLE projects
    ADD COLUMN IF NOT EXISTS key_records String DEFAULT ''
    COMMENT 'every key as JSON: state, when created, until when valid; empty before there were such records'
    AFTER keys;

ALTER TABLE projects COMMENT COLUMN IF EXISTS keys 'enabled public keys, the one for new pages first';

ALTER TABLE projects COMMENT COLUMN IF EXISTS status 'active, disabled, retired or deleted';
