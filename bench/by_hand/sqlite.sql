-- The rows of a bulk deactivation, in one transaction. `asked` holds what was asked for; `global_id` is a function of
-- Python, because this SQLite has no base64.

-- find people
CREATE TEMP TABLE target (
    user_id BLOB PRIMARY KEY, place INTEGER, label TEXT, version INTEGER, deactivation_id BLOB
) WITHOUT ROWID;
INSERT INTO target
    SELECT id, row_number() OVER (ORDER BY id) - 1, display_name, version + 1,
        CAST(key_begins || randomblob(10) AS BLOB)
    FROM users JOIN asked ON users.organization_id = asked.organization_id
    WHERE status = 0 AND protected = 0 AND created_at <= came_until
        AND EXISTS (SELECT 1 FROM user_roles WHERE user_id = users.id AND role = 0);

-- close accounts
UPDATE users SET status = 1, status_changed_at = at, deactivated_at = at, updated_at = at, version = users.version + 1
    FROM asked WHERE id IN (SELECT user_id FROM target);

-- take teams
CREATE TEMP TABLE left_teams (
    user_id BLOB, name TEXT, thing_id BLOB, assigned_at INTEGER, PRIMARY KEY (user_id, name, thing_id)
) WITHOUT ROWID;
INSERT INTO left_teams
    SELECT link.user_id, name, team_id, assigned_at
    FROM target CROSS JOIN memberships AS link USING (user_id) CROSS JOIN teams ON teams.id = team_id;
DELETE FROM memberships WHERE user_id IN (SELECT user_id FROM target);

-- take queues
CREATE TEMP TABLE left_queues (
    user_id BLOB, name TEXT, thing_id BLOB, assigned_at INTEGER, PRIMARY KEY (user_id, name, thing_id)
) WITHOUT ROWID;
INSERT INTO left_queues
    SELECT link.user_id, name, queue_id, assigned_at
    FROM target CROSS JOIN user_queues AS link USING (user_id) CROSS JOIN queues ON queues.id = queue_id;
DELETE FROM user_queues WHERE user_id IN (SELECT user_id FROM target);

-- end sessions
CREATE TEMP TABLE ended_sessions (user_id BLOB, id BLOB, surface TEXT, PRIMARY KEY (user_id, id)) WITHOUT ROWID;
INSERT INTO ended_sessions
    SELECT user_id, sessions.id, CASE surface WHEN 0 THEN 'portal' ELSE 'agent desktop' END
    FROM target CROSS JOIN sessions USING (user_id) WHERE ended_at IS NULL;
UPDATE sessions SET ended_at = at, end_reason = 7
    FROM asked WHERE ended_at IS NULL AND user_id IN (SELECT user_id FROM target);

-- go offline
CREATE TEMP TABLE left_presences (user_id BLOB PRIMARY KEY, state TEXT) WITHOUT ROWID;
INSERT INTO left_presences
    SELECT user_id, CASE state WHEN 1 THEN 'AVAILABLE' WHEN 3 THEN 'WRAP_UP' ELSE 'UNAVAILABLE' END
    FROM target CROSS JOIN presences USING (user_id) WHERE state <> 0;
UPDATE presences SET state = 0, since = at, reason_code = NULL
    FROM asked WHERE user_id IN (SELECT user_id FROM left_presences);

-- suspend licenses
CREATE TEMP TABLE freed (user_id BLOB, license_id BLOB, name TEXT, PRIMARY KEY (user_id, license_id)) WITHOUT ROWID;
INSERT INTO freed
    SELECT DISTINCT user_id, license_id, name
    FROM target CROSS JOIN license_grants USING (user_id) CROSS JOIN licenses ON licenses.id = license_id
    WHERE state = 0;
UPDATE license_grants SET state = 1 WHERE state = 0 AND user_id IN (SELECT user_id FROM target);

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
    SELECT operation_id, organization_id, 1, 3, 0, '{"onActiveContact":"END_NOW"}',
        (SELECT count(*) FROM target), (SELECT count(*) FROM target), 0, 0, 0,
        (SELECT count(*) FROM ended_sessions), (SELECT count(*) FROM left_teams), (SELECT count(*) FROM left_queues),
        0, (SELECT count(*) FROM freed), 'ids', '[]', 1, actor_id, reason, request_id, at, at, at
    FROM asked;

-- put it in words
CREATE TEMP TABLE told (
    user_id BLOB PRIMARY KEY, effects TEXT, teams TEXT, queues TEXT, changes TEXT
) WITHOUT ROWID;
WITH
    words_of_teams AS MATERIALIZED (
        SELECT id, lower(hex(id)) AS hex, json_object('kind', 8, 'subject', json_array('Team', lower(hex(id))),
            'label', name, 'description', 'left team ' || name) AS effect FROM teams
    ),
    words_of_queues AS MATERIALIZED (
        SELECT id, lower(hex(id)) AS hex, json_object('kind', 8, 'subject', json_array('Queue', lower(hex(id))),
            'label', name, 'description', 'left queue ' || name) AS effect FROM queues
    ),
    of_teams AS MATERIALIZED (
        SELECT user_id, group_concat(effect) AS effects, group_concat(name, ', ') AS names,
            group_concat('"' || hex || '":"' || strftime('%Y-%m-%dT%H:%M:%S', assigned_at / 1000000, 'unixepoch')
                || printf('.%06d+00:00"', assigned_at % 1000000)) AS delta
        FROM left_teams CROSS JOIN words_of_teams AS words ON words.id = thing_id GROUP BY user_id
    ),
    of_queues AS MATERIALIZED (
        SELECT user_id, group_concat(effect) AS effects, group_concat(name, ', ') AS names,
            group_concat('"' || hex || '":"' || strftime('%Y-%m-%dT%H:%M:%S', assigned_at / 1000000, 'unixepoch')
                || printf('.%06d+00:00"', assigned_at % 1000000)) AS delta
        FROM left_queues CROSS JOIN words_of_queues AS words ON words.id = thing_id GROUP BY user_id
    ),
    of_sessions AS MATERIALIZED (
        SELECT user_id, count(*) AS ended,
            group_concat('{"kind":4,"subject":["Session","' || lower(hex(id)) || '"],"label":"' || surface
                || '","description":"session on ' || surface || ' ended"}') AS effects
        FROM ended_sessions GROUP BY user_id
    ),
    of_licenses AS MATERIALIZED (
        SELECT user_id,
            group_concat(json_object('kind', 11, 'subject', json_array('License', lower(hex(license_id))),
                'label', name, 'description', 'seat of ' || name || ' freed')) AS effects,
            group_concat(json_array('license ' || name, 'ACTIVE', 'SUSPENDED')) AS changes
        FROM freed GROUP BY user_id
    )
INSERT INTO told
    SELECT user_id,
        '[{"kind":3,"subject":null,"label":null,"description":"deactivated"}'
            || coalesce(',' || of_teams.effects, '') || coalesce(',' || of_queues.effects, '')
            || coalesce(',' || of_sessions.effects, '')
            || iif(state IS NULL, '',
                ',{"kind":9,"subject":null,"label":null,"description":"presence is OFFLINE"}')
            || coalesce(',' || of_licenses.effects, '') || ']',
        of_teams.delta, of_queues.delta,
        '[["status","ACTIVE","DEACTIVATED"]'
            || iif(of_teams.names IS NULL, '', ',["teams",' || json_quote(of_teams.names) || ',null]')
            || iif(of_queues.names IS NULL, '', ',["queues",' || json_quote(of_queues.names) || ',null]')
            || coalesce(',["endedSessions",null,"' || ended || '"]', '')
            || coalesce(',["presence","' || state || '","OFFLINE"]', '')
            || coalesce(',' || of_licenses.changes, '') || ']'
    FROM target LEFT JOIN of_teams USING (user_id) LEFT JOIN of_queues USING (user_id)
        LEFT JOIN of_sessions USING (user_id) LEFT JOIN left_presences USING (user_id)
        LEFT JOIN of_licenses USING (user_id);

-- keep items
INSERT INTO bulk_operation_items
        (id, organization_id, operation_id, "index", key, user_id, user_version, outcome, errors, warnings, effects, delta)
    SELECT CAST(key_begins || randomblob(10) AS BLOB), organization_id, operation_id, place, global_id(user_id),
        user_id, version, 1, '[]', '[]', effects,
        '{"status":"ACTIVE"'
            || CASE
                WHEN teams IS NULL AND queues IS NULL THEN ''
                WHEN queues IS NULL THEN ',"taken":{"teams":{' || teams || '}}'
                WHEN teams IS NULL THEN ',"taken":{"queues":{' || queues || '}}'
                ELSE ',"taken":{"teams":{' || teams || '},"queues":{' || queues || '}}'
            END || '}'
    FROM (SELECT * FROM target ORDER BY place) AS target JOIN told USING (user_id), asked;

-- record it
INSERT INTO audit_events
        (id, organization_id, occurred_at, action, actor_kind, actor_id, target_type, target_id, target_label,
        target_version, changes, operation_id, reason, request_id)
    SELECT CAST(key_begins || randomblob(10) AS BLOB), organization_id, at, 3, 1, actor_id, 'User', user_id, label,
        version, changes, operation_id, reason, request_id
    FROM (SELECT * FROM target ORDER BY place) AS target JOIN told USING (user_id), asked;

-- announce it
INSERT INTO outbox_events (id, organization_id, occurred_at, kind, subject_id, payload)
    SELECT CAST(key_begins || randomblob(10) AS BLOB), organization_id, at, 'user.deactivated', user_id,
        '{"version":' || version || ',"operation":"' || operation || '"}'
    FROM (SELECT * FROM target ORDER BY place) AS target, asked;
INSERT INTO outbox_events (id, organization_id, occurred_at, kind, subject_id, payload)
    SELECT CAST(key_begins || randomblob(10) AS BLOB), organization_id, at, 'presence.changed', user_id,
        '{"state":"OFFLINE","operation":"' || operation || '"}'
    FROM left_presences, asked;

-- count seats
UPDATE license_pools SET granted = granted - (SELECT count(*) FROM freed WHERE freed.license_id = license_pools.license_id)
    WHERE license_id IN (SELECT license_id FROM freed);
INSERT INTO seat_ledger (organization_id, license_id, at, granted_after, pool)
    SELECT asked.organization_id, license_id, at, granted, seats FROM license_pools, asked
    WHERE license_id IN (SELECT license_id FROM freed);
