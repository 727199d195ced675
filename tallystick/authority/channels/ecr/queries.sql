-- name: lock_document
SELECT pg_advisory_xact_lock(hashtextextended(:number, 26));

-- name: deliveries_of
SELECT delivery_id, uid, sequence, way, contact, state, asked_at FROM ecr.delivery
WHERE uid = :uid AND sequence = :sequence ORDER BY delivery_id;

-- name: add_delivery
INSERT INTO ecr.delivery (uid, sequence, tin, way, contact, asked_at)
VALUES (:uid, :sequence, :tin, :way, :contact, :asked_at)
RETURNING delivery_id, uid, sequence, way, contact, state, asked_at;
