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

-- name: count_heads
SELECT count(*) FILTER (WHERE NOT held), count(*) FILTER (WHERE held) FROM retention.heads WHERE at < :before;

-- name: remove_heads
DELETE FROM batches.head_report WHERE (uid, sequence, link) IN (
    SELECT uid, sequence, link FROM retention.heads WHERE at < :before AND NOT held ORDER BY at LIMIT :limit);

-- name: count_parts
SELECT count(*) FILTER (WHERE NOT held), count(*) FILTER (WHERE held) FROM retention.parts WHERE at < :before;

-- name: remove_parts
DELETE FROM batches.part WHERE (uid, batch_id, number) IN (
    SELECT uid, batch_id, number FROM retention.parts WHERE at < :before AND NOT held ORDER BY at LIMIT :limit);

-- name: count_matters
SELECT count(*) FILTER (WHERE NOT held), count(*) FILTER (WHERE held) FROM retention.matters WHERE at < :before;

-- name: remove_matters
DELETE FROM batches.matter WHERE (matter_id) IN (
    SELECT matter_id FROM retention.matters WHERE at < :before AND NOT held ORDER BY at LIMIT :limit);

-- name: count_outages
SELECT count(*) FILTER (WHERE NOT held), count(*) FILTER (WHERE held) FROM retention.outages WHERE at < :before;

-- name: remove_outages
DELETE FROM batches.outage WHERE (uid, since) IN (
    SELECT uid, since FROM retention.outages WHERE at < :before AND NOT held ORDER BY at LIMIT :limit);

-- name: count_remote
SELECT count(*) FILTER (WHERE NOT held), count(*) FILTER (WHERE held) FROM retention.remote WHERE at < :before;

-- name: remove_remote
WITH piece AS MATERIALIZED (
    SELECT uid, number FROM retention.remote WHERE at < :before AND NOT held ORDER BY at LIMIT :limit),
results AS (DELETE FROM remote.result WHERE (uid, number) IN (SELECT uid, number FROM piece))
DELETE FROM remote.command WHERE (uid, number) IN (SELECT uid, number FROM piece);
