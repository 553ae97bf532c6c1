-- Which reports the policy allows, and of which of those no redirect can tell why.
-- Of older rows `impossible` said no more than that the policy allows the URL itself: so they say it from now on.
ALTER TABLE reports
    ADD COLUMN IF NOT EXISTS allowed UInt8 DEFAULT impossible
    COMMENT '1: the reported policy allows what it is said to have blocked: a redirect led elsewhere, or the report is forged'
    AFTER impossible;

ALTER TABLE reports
    COMMENT COLUMN IF EXISTS impossible '1: the reported policy allows what it is said to have blocked, and no redirect explains it';

ALTER TABLE reports UPDATE allowed = 1, impossible = 0 WHERE impossible = 1 AND blocked_host != '';
