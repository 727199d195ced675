-- name: next_number
INSERT INTO remote.head AS h (uid, number) VALUES (:uid, 1)
ON CONFLICT (uid) DO UPDATE SET number = h.number + 1 RETURNING number;

-- name: add
INSERT INTO remote.command (uid, number, kind, payload, issued_at, expires_at, request_id)
VALUES (:uid, :number, :kind, :payload, :issued_at, :expires_at, :request_id);

-- name: open_commands
SELECT uid, number, payload, issued_at, expires_at, kid, digest, compact, fetched_at, superseded_by, answered_at
FROM remote.command
WHERE uid = :uid AND superseded_by IS NULL AND answered_at IS NULL AND expires_at > :at ORDER BY number;

-- name: supersede
UPDATE remote.command SET superseded_by = :by, superseded_at = :at
WHERE uid = :uid AND number = ANY(:numbers) AND superseded_by IS NULL AND answered_at IS NULL;

-- name: unsigned
SELECT uid, number, payload, issued_at, expires_at, kid, digest, compact, fetched_at, superseded_by, answered_at
FROM remote.command
WHERE compact IS NULL AND superseded_by IS NULL AND expires_at > :at
ORDER BY issued_at, uid, number LIMIT :most;

-- name: is_any_unsigned
SELECT EXISTS (SELECT 1 FROM remote.command WHERE compact IS NULL AND superseded_by IS NULL AND expires_at > :at);

-- name: begin_signing
UPDATE remote.command SET kid = :kid, digest = :digest
WHERE uid = :uid AND number = :number AND compact IS NULL AND superseded_by IS NULL;

-- name: finish_signing
UPDATE remote.command SET compact = :compact, signed_at = :at
WHERE uid = :uid AND number = :number AND digest = :digest AND compact IS NULL;

-- name: mark_fetched
UPDATE remote.command SET fetched_at = :at WHERE uid = :uid AND number = ANY(:numbers) AND fetched_at IS NULL;

-- name: lock_command
SELECT uid, number, payload, issued_at, expires_at, kid, digest, compact, fetched_at, superseded_by, answered_at
FROM remote.command WHERE uid = :uid AND number = :number FOR UPDATE;

-- name: command
SELECT uid, number, payload, issued_at, expires_at, kid, digest, compact, fetched_at, superseded_by, answered_at
FROM remote.command WHERE uid = :uid AND number = :number;

-- name: results
SELECT sort, compact, received_at FROM remote.result WHERE uid = :uid AND number = :number;

-- name: add_result
INSERT INTO remote.result (uid, number, sort, outcome, compact, received_at)
VALUES (:uid, :number, :sort, :outcome, :compact, :at) ON CONFLICT DO NOTHING;

-- name: mark_answered
UPDATE remote.command SET answered_at = :at WHERE uid = :uid AND number = :number AND answered_at IS NULL;

-- name: waiting
SELECT uid, max(number) FROM remote.command
WHERE compact IS NOT NULL AND superseded_by IS NULL AND answered_at IS NULL AND expires_at > :at GROUP BY uid;

-- name: waiting_changed
SELECT c.uid, coalesce(max(o.number), 0)
FROM (SELECT DISTINCT uid FROM remote.command WHERE changed_in >= :since::xid8) AS c
LEFT JOIN remote.command AS o ON o.uid = c.uid AND o.compact IS NOT NULL AND o.superseded_by IS NULL
     AND o.answered_at IS NULL AND o.expires_at > :at
GROUP BY c.uid;

-- name: oldest_open_transaction
SELECT pg_snapshot_xmin(pg_current_snapshot())::text;

-- name: known_digests
SELECT digest FROM remote.command WHERE digest = ANY(:digests) AND compact IS NOT NULL
UNION ALL SELECT digest FROM remote.past_command WHERE digest = ANY(:digests);

-- name: signed_after
SELECT uid, number, digest FROM (
    SELECT uid, number, digest FROM remote.command WHERE compact IS NOT NULL
    UNION ALL SELECT uid, number, digest FROM remote.past_command WHERE digest IS NOT NULL) AS signed
WHERE (uid, number) > (:uid, :number::bigint) ORDER BY uid, number LIMIT :most;

-- name: told_rates
SELECT t.uid, t.number, c.answered_at IS NOT NULL OR c.superseded_by IS NOT NULL OR c.expires_at > :at
FROM remote.told_rates t JOIN remote.command c USING (uid, number)
WHERE t.group_id = :group_id AND t.uid = ANY(:uids);

-- name: note_told
INSERT INTO remote.told_rates AS t (group_id, uid, number) VALUES (:group_id, :uid, :number)
ON CONFLICT (group_id, uid) DO UPDATE SET number = excluded.number WHERE t.number = :before;
