-- From now on workers can store findings: all that was stored before is in both tables.
RENAME TABLE IF EXISTS finding_days_filling TO finding_days;

RENAME TABLE IF EXISTS policy_days_filling TO policy_days;
