-- name: lock_document
SELECT pg_advisory_xact_lock(hashtextextended(:number, 26));

-- name: deliveries_of
SELECT delivery_id, uid, sequence, way, contact, state, asked_at FROM ecr.delivery
WHERE uid = :uid AND sequence = :sequence ORDER BY delivery_id;

-- name: add_calls
INSERT INTO ecr.contact_day AS c (uid, day, calls, first_at, last_at)
SELECT * FROM unnest(:uids::text[], :days::date[], :calls::bigint[], :firsts::timestamptz[], :lasts::timestamptz[])
ON CONFLICT (uid, day) DO UPDATE
SET calls = c.calls + excluded.calls, first_at = least(c.first_at, excluded.first_at),
    last_at = greatest(c.last_at, excluded.last_at);

-- name: add_refusals
INSERT INTO ecr.refusal_day AS r (uid, day, code, times, last_at) VALUES (:uid, :day, :code, :times, :last_at)
ON CONFLICT (uid, day, code) DO UPDATE
SET times = r.times + excluded.times, last_at = greatest(r.last_at, excluded.last_at);

-- name: add_delivery
INSERT INTO ecr.delivery (uid, sequence, tin, way, contact, asked_at)
VALUES (:uid, :sequence, :tin, :way, :contact, :asked_at)
RETURNING delivery_id, uid, sequence, way, contact, state, asked_at;
