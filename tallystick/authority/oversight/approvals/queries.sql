-- name: add
INSERT INTO approvals.request (deed, object, content, reason, asked_by, asked_from, asked_as, asked_at, expires_at)
VALUES (:deed, :object, :content::jsonb, :reason, :asked_by, :asked_from, :asked_as, :asked_at, :expires_at)
ON CONFLICT (deed, object) WHERE state IN ('pending', 'approved') DO NOTHING
RETURNING request_id;

-- name: expire
UPDATE approvals.request SET state = 'expired' WHERE state = 'pending' AND expires_at <= :at;

-- name: lock
SELECT request_id, deed, object, content::text, reason, asked_by, asked_from, asked_at, expires_at, state, decided_by,
       decided_at, done_at, decided_as
FROM approvals.request WHERE request_id = :request_id FOR UPDATE;

-- name: request
SELECT request_id, deed, object, content::text, reason, asked_by, asked_from, asked_at, expires_at, state, decided_by,
       decided_at, done_at, decided_as
FROM approvals.request WHERE request_id = :request_id;

-- name: lock_approved
SELECT request_id, deed, object, content::text, reason, asked_by, asked_from, asked_at, expires_at, state, decided_by,
       decided_at, done_at, decided_as
FROM approvals.request WHERE state = 'approved' AND deed = ANY(:deeds) ORDER BY request_id LIMIT 1
FOR UPDATE SKIP LOCKED;

-- name: is_any_approved
SELECT EXISTS (SELECT 1 FROM approvals.request WHERE state = 'approved' AND deed = ANY(:deeds));

-- name: decide
UPDATE approvals.request
SET state = :state, decided_by = :by, decided_from = :came_from, decided_as = :role, decided_at = :at
WHERE request_id = :request_id;

-- name: finish
UPDATE approvals.request SET state = 'done', done_at = :at WHERE request_id = :request_id;

-- name: newest
SELECT request_id, deed, object, content::text, reason, asked_by, asked_from, asked_at, expires_at, state, decided_by,
       decided_at, done_at, decided_as
FROM approvals.request
WHERE :deeds::text[] IS NULL OR deed = ANY(:deeds)
ORDER BY state <> 'pending', request_id DESC LIMIT :limit;
