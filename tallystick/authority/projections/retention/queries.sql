-- name: count_refused
SELECT count(*) FILTER (WHERE NOT held), count(*) FILTER (WHERE held) FROM retention.refused WHERE at < :before;

-- name: remove_refused
DELETE FROM intake.refused WHERE (file_hash, token_uid) IN (
    SELECT file_hash, token_uid FROM retention.refused WHERE at < :before AND NOT held ORDER BY at LIMIT :limit);

-- name: count_uploads
SELECT count(*) FILTER (WHERE NOT held), count(*) FILTER (WHERE held) FROM retention.uploads WHERE at < :before;

-- name: remove_uploads
DELETE FROM media.upload WHERE (upload_id) IN (
    SELECT upload_id FROM retention.uploads WHERE at < :before AND NOT held ORDER BY at LIMIT :limit);

-- name: count_requests
SELECT count(*) FILTER (WHERE NOT held), count(*) FILTER (WHERE held) FROM retention.requests WHERE at < :before;

-- name: remove_requests
DELETE FROM vsdc.request WHERE (requested_by, request_id, request_hash) IN (
    SELECT requested_by, request_id, request_hash FROM retention.requests WHERE at < :before AND NOT held ORDER BY at LIMIT :limit);

-- name: count_quarantine
SELECT count(*) FILTER (WHERE NOT held), count(*) FILTER (WHERE held) FROM retention.quarantine WHERE at < :before;

-- name: remove_quarantine
UPDATE intake.quarantine SET body = ''::bytea WHERE (act_hash) IN (
    SELECT act_hash FROM retention.quarantine WHERE at < :before AND NOT held ORDER BY at LIMIT :limit);

-- name: count_evidence
SELECT count(*) FILTER (WHERE NOT held), count(*) FILTER (WHERE held) FROM retention.evidence WHERE at < :before;

-- name: remove_evidence
UPDATE intake.evidence SET body = ''::bytea WHERE (act_hash, body_hash) IN (
    SELECT act_hash, body_hash FROM retention.evidence WHERE at < :before AND NOT held ORDER BY at LIMIT :limit);

-- name: count_sightings
SELECT count(*) FILTER (WHERE NOT held), count(*) FILTER (WHERE held) FROM retention.sightings WHERE at < :before;

-- name: remove_sightings
DELETE FROM inspections.sighting WHERE (act_hash) IN (
    SELECT act_hash FROM retention.sightings WHERE at < :before AND NOT held ORDER BY at LIMIT :limit);

-- name: count_commands
SELECT count(*) FILTER (WHERE NOT held), count(*) FILTER (WHERE held) FROM retention.commands WHERE at < :before;

-- name: remove_commands
DELETE FROM commands.command WHERE (command_id) IN (
    SELECT command_id FROM retention.commands WHERE at < :before AND NOT held ORDER BY at LIMIT :limit);

-- name: count_deliveries
SELECT count(*) FILTER (WHERE NOT held), count(*) FILTER (WHERE held) FROM retention.deliveries WHERE at < :before;

-- name: remove_deliveries
UPDATE ecr.delivery SET contact = NULL, state = CASE state WHEN 'waiting' THEN 'erased' ELSE state END,
       settled_at = coalesce(settled_at, clock_timestamp())
WHERE delivery_id IN (
    SELECT delivery_id FROM retention.deliveries WHERE at < :before AND NOT held ORDER BY at LIMIT :limit);

-- name: count_sessions
SELECT count(*) FILTER (WHERE NOT held), count(*) FILTER (WHERE held) FROM retention.sessions WHERE at < :before;

-- name: remove_sessions
DELETE FROM portal.django_session WHERE (session_key) IN (
    SELECT session_key FROM retention.sessions WHERE at < :before AND NOT held ORDER BY at LIMIT :limit);
