-- name: acked_size
SELECT coalesce((SELECT max(tree_size) FROM ledger.checkpoints), 0);

-- name: begin_reader
INSERT INTO verification.progress (reader, position) VALUES (:reader, 0) ON CONFLICT DO NOTHING;

-- name: hold_position
SELECT position FROM verification.progress WHERE reader = :reader FOR UPDATE;

-- name: move_position
UPDATE verification.progress SET position = :position WHERE reader = :reader;

-- name: referring
SELECT l.log_index, r.record
FROM ledger.leaves l
JOIN ledger.records r ON r.month = l.month AND r.tin = l.tin AND r.log_index = l.log_index
WHERE l.log_index >= :first AND l.log_index < :last AND position('"refers_to":"'::bytea IN r.record) > 0
ORDER BY l.log_index;

-- name: add_claim
INSERT INTO verification.claim (requested_by, signed_by, ordinal, log_index, document_type, total)
VALUES (:requested_by, :signed_by, :ordinal, :log_index, :document_type, :total)
ON CONFLICT DO NOTHING;

-- name: claims_on
SELECT c.document_type, c.total FROM verification.claim c
WHERE c.signed_by = :signed_by AND c.requested_by = :requested_by AND c.ordinal = :ordinal
  AND c.log_index < coalesce((SELECT max(tree_size) FROM ledger.checkpoints), 0)
ORDER BY c.log_index LIMIT :limit;
