-- name: add
INSERT INTO commands.command (command_id, uid, type, payload) VALUES (:command_id, :uid, :type, :payload)
ON CONFLICT (command_id) DO NOTHING;

-- name: supersede
UPDATE commands.command SET superseded_at = now()
WHERE uid = :uid AND type = :type AND command_id <> :command_id AND reported_at IS NULL AND superseded_at IS NULL;

-- name: forget_old
DELETE FROM commands.command
WHERE uid = :uid AND type = :type AND command_id <> :command_id
  AND coalesce(reported_at, superseded_at) < now() - interval '1 day';

-- name: command
SELECT command_id, uid, type, payload, queued_at, fetched_at, superseded_at, reported_at, success
FROM commands.command WHERE command_id = :command_id;

-- name: lock_command
SELECT command_id, uid, type, payload, queued_at, fetched_at, superseded_at, reported_at, success
FROM commands.command WHERE command_id = :command_id AND uid = :uid FOR UPDATE;

-- name: outstanding
SELECT command_id, uid, type, payload, queued_at, fetched_at, superseded_at, reported_at, success
FROM commands.command
WHERE uid = :uid AND reported_at IS NULL AND superseded_at IS NULL
ORDER BY position LIMIT :most;

-- name: newest_of_kind
SELECT command_id, uid, type, payload, queued_at, fetched_at, superseded_at, reported_at, success
FROM commands.command WHERE uid = :uid AND type = :type ORDER BY position DESC LIMIT 1;

-- name: mark_fetched
UPDATE commands.command SET fetched_at = now() WHERE command_id = ANY(:command_ids) AND fetched_at IS NULL;

-- name: mark_reported
UPDATE commands.command SET reported_at = now(), success = :success WHERE command_id = :command_id;

-- name: lock_device
SELECT pg_advisory_xact_lock(hashtextextended('commands/' || :uid, 0));

-- name: devices_behind
SELECT uid FROM (
    SELECT DISTINCT ON (uid) uid, payload FROM commands.command
    WHERE type = :type AND uid > :after ORDER BY uid, position DESC
) AS newest
WHERE payload <> :payload ORDER BY uid LIMIT :most;

-- name: devices_with_outstanding
SELECT DISTINCT uid FROM commands.command WHERE reported_at IS NULL AND superseded_at IS NULL;

-- name: devices_queued_since
SELECT DISTINCT uid FROM commands.command
WHERE queued_in >= :since::xid8 AND reported_at IS NULL AND superseded_at IS NULL;

-- name: oldest_open_transaction
SELECT pg_snapshot_xmin(pg_current_snapshot())::text;

-- name: counts
SELECT count(*) FILTER (WHERE reported_at IS NULL AND superseded_at IS NULL),
       count(*) FILTER (WHERE success), count(*) FILTER (WHERE NOT success)
FROM commands.command;
