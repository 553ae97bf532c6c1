-- name: create_profile
CREATE SETTINGS PROFILE OR REPLACE {profile} SETTINGS
    {{settings}}

-- name: assign_profile
ALTER USER {{user}} SETTINGS PROFILE {profile}

-- name: on_database
GRANT SELECT ON {{database}}.*

-- name: on_columns
GRANT SELECT({{columns}}) ON {{table}}

-- name: to_user
{{grant}} TO {{user}}

-- name: row_policy
CREATE ROW POLICY OR REPLACE {{user}} ON {{database}}.{{table}} USING {{column}} = {{project_id}} TO {{user}}

-- name: refusing_function
-- A user's function that refuses in the place of a function of ClickHouse, which looks for a function among those that
-- users made before it looks among its own, with the same capital and small letters.
CREATE FUNCTION {{function}} AS refused -> throwIf(1, 'The function {{function}} is refused')
