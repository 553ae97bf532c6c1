-- name: known_settings
-- The settings that a server knows: it would refuse a profile that names another one.
SELECT name FROM system.settings
