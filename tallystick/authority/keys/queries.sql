-- name: add_key
INSERT INTO keys.key (label, series, purpose, public_key, state, active_at)
VALUES (:label, :series, :purpose, :public_key, 'active', :active_at);

-- name: hold_active
SELECT label FROM keys.key WHERE series = :series AND state = 'active' FOR UPDATE;

-- name: begin_retiring
UPDATE keys.key SET state = 'retiring', retires_at = :retires_at WHERE label = :label AND state = 'active';

-- name: retire_due
UPDATE keys.key SET state = 'retired' WHERE state = 'retiring' AND retires_at <= :now
RETURNING label, series, purpose, public_key, state, active_at, retires_at;

-- name: keys
SELECT label, series, purpose, public_key, state, active_at, retires_at FROM keys.key
WHERE :series::text = '' OR series = :series ORDER BY series, active_at, label;

-- name: bind_card
INSERT INTO keys.card (uid, label) VALUES (:uid, :label)
ON CONFLICT (uid) DO UPDATE SET label = excluded.label;

-- name: label_of_card
SELECT label FROM keys.card WHERE uid = :uid;

-- name: intend
INSERT INTO keys.use (label, use, digest, principal, request, intended_at)
VALUES (:label, :use, :digest, :principal, :request, :at)
ON CONFLICT (label, use, digest) DO NOTHING;

-- name: complete
UPDATE keys.use SET completed_at = :at WHERE label = :label AND use = :use AND digest = :digest AND completed_at IS NULL;

-- name: is_intended
SELECT completed_at IS NOT NULL FROM keys.use WHERE label = :label AND use = :use AND digest = :digest;

-- name: completed_between
SELECT label, use, digest FROM keys.use WHERE completed_at >= :start AND completed_at < :end;

-- name: add_event
INSERT INTO keys.event (kind, media_type, body, at) VALUES (:kind, :media_type, :body, :at);

-- name: waiting_events
SELECT event_id, kind, media_type, body, at FROM keys.event WHERE log_index IS NULL ORDER BY event_id LIMIT :limit;

-- name: note_index
UPDATE keys.event SET log_index = :log_index WHERE event_id = :event_id;

-- name: change_notes
SELECT body FROM keys.event WHERE media_type = :media_type ORDER BY event_id;

-- name: add_reconciled
INSERT INTO keys.reconciled (day, at, uses, unexplained, unjournalled)
VALUES (:day, :at, :uses, :unexplained, :unjournalled)
ON CONFLICT (day) DO UPDATE SET at = excluded.at, uses = excluded.uses, unexplained = excluded.unexplained,
                                unjournalled = excluded.unjournalled;

-- name: newest_reconciled
SELECT max(day) FROM keys.reconciled;

-- name: hold_rotation
SELECT pg_try_advisory_lock(hashtextextended('keys.rotate', 0));

-- name: release_rotation
SELECT pg_advisory_unlock(hashtextextended('keys.rotate', 0));
