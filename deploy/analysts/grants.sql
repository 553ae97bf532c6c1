-- name: create_profile
CREATE SETTINGS PROFILE OR REPLACE {{profile}} SETTINGS
    {{settings}}

-- name: assign_profile
ALTER USER {{user}} SETTINGS PROFILE {{profile}}

-- name: take_database
-- What an earlier list granted, or a list for all projects, is not left standing.
REVOKE SELECT, SHOW COLUMNS ON {{database}}.* FROM {{user}}

-- name: take_system
REVOKE SELECT ON {{table}} FROM {{user}}

-- name: on_table
GRANT SELECT({{columns}}), SHOW COLUMNS ON {{database}}.{{table}}

-- name: on_view
GRANT SELECT ON {{database}}.{{view}}

-- name: on_system
GRANT SELECT({{columns}}) ON {{table}}

-- name: to_user
{{grant}} TO {{user}}

-- name: row_policy
CREATE ROW POLICY OR REPLACE {{user}} ON {{database}}.{{table}} USING {{rows}} TO {{user}}

-- name: refusing_function
-- A user's function that refuses in the place of a function of ClickHouse, which looks for a function among those that
-- users made before it looks among its own, with the same capital and small letters.
CREATE FUNCTION {{function}} AS refused -> throwIf(1, 'The function {{function}} is refused')
