-- The rows of a bulk deactivation, in one transaction. `asked` holds what was asked for.

-- find people
CREATE FUNCTION pg_temp.new_key(begins bytea) RETURNS uuid LANGUAGE sql VOLATILE AS
    $$ SELECT encode(overlay(uuid_send(gen_random_uuid()) PLACING begins FROM 1 FOR 6), 'hex')::uuid $$;
CREATE TEMP TABLE target ON COMMIT DROP AS
    SELECT id AS user_id, row_number() OVER (ORDER BY id) - 1 AS place, display_name AS label,
        version + 1 AS version, pg_temp.new_key(key_begins) AS deactivation_id
    FROM users JOIN asked USING (organization_id)
    WHERE status = 0 AND NOT protected AND created_at <= came_until
        AND EXISTS (SELECT 1 FROM user_roles WHERE user_id = users.id AND role = 0);
ANALYZE target;

-- close accounts
UPDATE users SET status = 1, status_changed_at = at, deactivated_at = at, updated_at = at, version = users.version + 1
    FROM target, asked WHERE id = target.user_id;

-- take teams
CREATE TEMP TABLE left_teams (user_id uuid, thing_id uuid, assigned_at timestamptz) ON COMMIT DROP;
WITH gone AS (
    DELETE FROM memberships USING target WHERE memberships.user_id = target.user_id
        RETURNING memberships.user_id, team_id, assigned_at
)
INSERT INTO left_teams SELECT * FROM gone;

-- take queues
CREATE TEMP TABLE left_queues (user_id uuid, thing_id uuid, assigned_at timestamptz) ON COMMIT DROP;
WITH gone AS (
    DELETE FROM user_queues USING target WHERE user_queues.user_id = target.user_id
        RETURNING user_queues.user_id, queue_id, assigned_at
)
INSERT INTO left_queues SELECT * FROM gone;

-- end sessions
CREATE TEMP TABLE ended_sessions (user_id uuid, id uuid, surface smallint) ON COMMIT DROP;
WITH ended AS (
    UPDATE sessions SET ended_at = at, end_reason = 7 FROM target, asked
        WHERE sessions.user_id = target.user_id AND ended_at IS NULL
        RETURNING sessions.user_id, sessions.id, surface
)
INSERT INTO ended_sessions SELECT * FROM ended;

-- go offline
CREATE TEMP TABLE left_presences ON COMMIT DROP AS
    SELECT user_id, CASE state WHEN 1 THEN 'AVAILABLE' WHEN 3 THEN 'WRAP_UP' ELSE 'UNAVAILABLE' END AS state
    FROM target JOIN presences USING (user_id) WHERE state <> 0;
UPDATE presences SET state = 0, since = at, reason_code = NULL
    FROM left_presences, asked WHERE presences.user_id = left_presences.user_id;

-- suspend licenses
CREATE TEMP TABLE freed (user_id uuid, license_id uuid) ON COMMIT DROP;
WITH suspended AS (
    UPDATE license_grants SET state = 1 FROM target WHERE license_grants.user_id = target.user_id AND state = 0
        RETURNING license_grants.user_id, license_id
)
INSERT INTO freed SELECT DISTINCT * FROM suspended;

-- keep deactivations
INSERT INTO deactivations
        (id, organization_id, user_id, deactivated_at, actor_kind, actor_id, reason, operation_id)
    SELECT deactivation_id, organization_id, user_id, at, 1, actor_id, reason, operation_id FROM target, asked;

-- keep what was taken
INSERT INTO deactivation_teams (deactivation_id, team_id, organization_id, assigned_at)
    SELECT deactivation_id, thing_id, organization_id, assigned_at FROM target JOIN left_teams USING (user_id), asked;
INSERT INTO deactivation_queues (deactivation_id, queue_id, organization_id, assigned_at)
    SELECT deactivation_id, thing_id, organization_id, assigned_at FROM target JOIN left_queues USING (user_id), asked;

-- keep the operation
INSERT INTO bulk_operations
        (id, organization_id, kind, status, error_policy, terms, total, succeeded, unchanged, failed, skipped,
        sessions_ended, teams_left, queues_left, contacts_ended, seats_freed, named_by, shortages, actor_kind,
        actor_id, reason, request_id, created_at, started_at, finished_at)
    SELECT operation_id, organization_id, 1, 3, 0, '{"onActiveContact": "END_NOW"}',
        (SELECT count(*) FROM target), (SELECT count(*) FROM target), 0, 0, 0,
        (SELECT count(*) FROM ended_sessions), (SELECT count(*) FROM left_teams), (SELECT count(*) FROM left_queues),
        0, (SELECT count(*) FROM freed), 'ids', '[]', 1, actor_id, reason, request_id, at, at, at
    FROM asked;

-- put it in words
CREATE TEMP TABLE told (user_id uuid, effects jsonb, teams jsonb, queues jsonb, changes jsonb) ON COMMIT DROP;
WITH
    words_of_teams AS MATERIALIZED (
        SELECT id, name, encode(uuid_send(id), 'hex') AS hex, jsonb_build_object('kind', 8, 'subject',
            jsonb_build_array('Team', encode(uuid_send(id), 'hex')), 'label', name,
            'description', 'left team ' || name) AS effect FROM teams
    ),
    words_of_queues AS MATERIALIZED (
        SELECT id, name, encode(uuid_send(id), 'hex') AS hex, jsonb_build_object('kind', 8, 'subject',
            jsonb_build_array('Queue', encode(uuid_send(id), 'hex')), 'label', name,
            'description', 'left queue ' || name) AS effect FROM queues
    ),
    of_teams AS MATERIALIZED (
        SELECT user_id, jsonb_agg(effect) AS effects, string_agg(name, ', ' ORDER BY name COLLATE "C") AS names,
            jsonb_object_agg(hex,
                to_char(assigned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')) AS delta
        FROM left_teams JOIN words_of_teams ON id = thing_id GROUP BY user_id
    ),
    of_queues AS MATERIALIZED (
        SELECT user_id, jsonb_agg(effect) AS effects, string_agg(name, ', ' ORDER BY name COLLATE "C") AS names,
            jsonb_object_agg(hex,
                to_char(assigned_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')) AS delta
        FROM left_queues JOIN words_of_queues ON id = thing_id GROUP BY user_id
    ),
    of_sessions AS MATERIALIZED (
        SELECT user_id, count(*) AS ended, jsonb_agg(jsonb_build_object('kind', 4, 'subject',
            jsonb_build_array('Session', encode(uuid_send(id), 'hex')), 'label', surface,
            'description', 'session on ' || surface || ' ended')) AS effects
        FROM (SELECT user_id, id, CASE surface WHEN 0 THEN 'portal' ELSE 'agent desktop' END AS surface
            FROM ended_sessions) AS ended GROUP BY user_id
    ),
    of_licenses AS MATERIALIZED (
        SELECT user_id, jsonb_agg(jsonb_build_object('kind', 11, 'subject',
            jsonb_build_array('License', encode(uuid_send(license_id), 'hex')), 'label', name,
            'description', 'seat of ' || name || ' freed')) AS effects,
            jsonb_agg(jsonb_build_array('license ' || name, 'ACTIVE', 'SUSPENDED')) AS changes
        FROM freed JOIN licenses ON licenses.id = license_id GROUP BY user_id
    )
INSERT INTO told
    SELECT user_id,
        '[{"kind": 3, "subject": null, "label": null, "description": "deactivated"}]'::jsonb
            || coalesce(of_teams.effects, '[]') || coalesce(of_queues.effects, '[]')
            || coalesce(of_sessions.effects, '[]')
            || CASE WHEN state IS NULL THEN '[]'::jsonb ELSE
                '[{"kind": 9, "subject": null, "label": null, "description": "presence is OFFLINE"}]' END
            || coalesce(of_licenses.effects, '[]'),
        of_teams.delta, of_queues.delta,
        '[["status", "ACTIVE", "DEACTIVATED"]]'::jsonb
            || CASE WHEN of_teams.names IS NULL THEN '[]' ELSE
                jsonb_build_array(jsonb_build_array('teams', of_teams.names, NULL)) END
            || CASE WHEN of_queues.names IS NULL THEN '[]' ELSE
                jsonb_build_array(jsonb_build_array('queues', of_queues.names, NULL)) END
            || CASE WHEN ended IS NULL THEN '[]' ELSE
                jsonb_build_array(jsonb_build_array('endedSessions', NULL, ended::text)) END
            || CASE WHEN state IS NULL THEN '[]' ELSE
                jsonb_build_array(jsonb_build_array('presence', state, 'OFFLINE')) END
            || coalesce(of_licenses.changes, '[]')
    FROM target LEFT JOIN of_teams USING (user_id) LEFT JOIN of_queues USING (user_id)
        LEFT JOIN of_sessions USING (user_id) LEFT JOIN left_presences USING (user_id)
        LEFT JOIN of_licenses USING (user_id);

-- keep items
INSERT INTO bulk_operation_items
        (id, organization_id, operation_id, "index", key, user_id, user_version, outcome, errors, warnings, effects, delta)
    SELECT pg_temp.new_key(key_begins), organization_id, operation_id, place,
        encode('US'::bytea || uuid_send(user_id), 'base64'), user_id, version, 1, '[]', '[]', effects,
        '{"status": "ACTIVE"}'::jsonb
            || CASE WHEN teams IS NULL AND queues IS NULL THEN '{}'::jsonb ELSE
                jsonb_build_object('taken', jsonb_strip_nulls(jsonb_build_object('teams', teams, 'queues', queues)))
            END
    FROM target JOIN told USING (user_id), asked ORDER BY place;

-- record it
INSERT INTO audit_events
        (id, organization_id, occurred_at, action, actor_kind, actor_id, target_type, target_id, target_label,
        target_version, changes, operation_id, reason, request_id)
    SELECT pg_temp.new_key(key_begins), organization_id, at, 3, 1, actor_id, 'User', user_id, label, version, changes,
        operation_id, reason, request_id
    FROM target JOIN told USING (user_id), asked ORDER BY place;

-- announce it
INSERT INTO outbox_events (id, organization_id, occurred_at, kind, subject_id, payload)
    SELECT pg_temp.new_key(key_begins), organization_id, at, 'user.deactivated', user_id,
        jsonb_build_object('version', version, 'operation', operation_id) FROM target, asked ORDER BY place;
INSERT INTO outbox_events (id, organization_id, occurred_at, kind, subject_id, payload)
    SELECT pg_temp.new_key(key_begins), organization_id, at, 'presence.changed', user_id,
        jsonb_build_object('state', 'OFFLINE', 'operation', operation_id) FROM left_presences, asked;

-- count seats
UPDATE license_pools SET granted = granted - seats_freed
    FROM (SELECT license_id, count(*) AS seats_freed FROM freed GROUP BY license_id) AS freed
    WHERE license_pools.license_id = freed.license_id;
INSERT INTO seat_ledger (organization_id, license_id, at, granted_after, pool)
    SELECT asked.organization_id, license_id, at, granted, seats FROM license_pools, asked
    WHERE license_id IN (SELECT license_id FROM freed);
