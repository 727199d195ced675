-- name: put_pos
INSERT INTO vsdc.pos (uid, pac_hash) VALUES (:uid, :pac_hash)
ON CONFLICT (uid) DO UPDATE SET pac_hash = excluded.pac_hash, wrong_pacs = 0, locked_until = NULL;

-- name: changed_pos
SELECT uid, pac_hash, wrong_pacs, locked_until FROM vsdc.pos WHERE changed_in >= :since::xid8;

-- name: count_wrong_pac
UPDATE vsdc.pos SET wrong_pacs = wrong_pacs + 1,
    locked_until = CASE WHEN wrong_pacs + 1 >= :most THEN :until::timestamptz ELSE locked_until END
WHERE uid = :uid AND (locked_until IS NULL OR locked_until <= :now)
RETURNING wrong_pacs;

-- name: forget_wrong_pacs
UPDATE vsdc.pos SET wrong_pacs = 0, locked_until = NULL WHERE uid = :uid AND wrong_pacs > 0;

-- name: oldest_open_transaction
SELECT pg_snapshot_xmin(pg_current_snapshot())::text;

-- name: add_signer
INSERT INTO vsdc.signer (uid, key_label) VALUES (:uid, :key_label) ON CONFLICT DO NOTHING;

-- name: set_signer_state
UPDATE vsdc.signer SET state = :state WHERE uid = :uid;

-- name: all_signers
SELECT uid, key_label, state FROM vsdc.signer ORDER BY uid;

-- name: pairs_of
SELECT signed_by, total_counter, act, voided_at IS NOT NULL FROM vsdc.pair WHERE requested_by = :requested_by;

-- name: add_pair
INSERT INTO vsdc.pair (requested_by, signed_by, total_counter, act) VALUES (:requested_by, :signed_by, 0, ''::bytea)
ON CONFLICT DO NOTHING;

-- name: open_acts
SELECT p.requested_by, p.signed_by, p.total_counter, p.act FROM vsdc.pair p
WHERE p.total_counter > 0 AND p.voided_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM ledger.identity i
    WHERE i.signed_by = p.signed_by AND i.se_total = p.total_counter AND i.requested_by = p.requested_by)
ORDER BY p.requested_by, p.signed_by;

-- name: void_pair
UPDATE vsdc.pair p SET voided_at = :at, void_entry = :entry
WHERE p.requested_by = :requested_by AND p.signed_by = :signed_by AND p.total_counter = :total_counter
  AND p.voided_at IS NULL AND NOT EXISTS (
    SELECT 1 FROM ledger.identity i
    WHERE i.signed_by = p.signed_by AND i.se_total = p.total_counter AND i.requested_by = p.requested_by);

-- name: forget_number
DELETE FROM vsdc.request
WHERE requested_by = :requested_by AND signed_by = :signed_by AND total_counter = :total_counter;

-- name: take_numbers
WITH wanted AS (
    SELECT * FROM unnest(:requested_by::text[], :signed_by::text[], :total_counter::bigint[], :act::bytea[],
                         :request_id::text[], :request_hash::bytea[], :taken_ms::bigint[])
        AS t (requested_by, signed_by, total_counter, act, request_id, request_hash, taken_ms)
), taken AS (
    UPDATE vsdc.pair p SET total_counter = w.total_counter, act = w.act
    FROM wanted w
    WHERE p.requested_by = w.requested_by AND p.signed_by = w.signed_by AND p.total_counter = w.total_counter - 1
      AND p.voided_at IS NULL
      AND NOT EXISTS (
          SELECT 1 FROM vsdc.request r
          WHERE w.request_id <> '' AND r.requested_by = w.requested_by AND r.request_id = w.request_id
            AND r.request_hash = w.request_hash)
    RETURNING w.requested_by, w.signed_by, w.total_counter, w.request_id, w.request_hash, w.taken_ms
), noted AS (
    INSERT INTO vsdc.request (requested_by, request_id, request_hash, signed_by, total_counter, taken_at)
    SELECT requested_by, request_id, request_hash, signed_by, total_counter, to_timestamp(taken_ms / 1000.0)
    FROM taken WHERE request_id <> ''
)
SELECT requested_by, signed_by, total_counter FROM taken;

-- name: number_of_request
SELECT signed_by, total_counter FROM vsdc.request
WHERE requested_by = :requested_by AND request_id = :request_id AND request_hash = :request_hash;

-- name: newest_number_of_id
SELECT signed_by, total_counter FROM vsdc.request WHERE requested_by = :requested_by AND request_id = :request_id
ORDER BY taken_at DESC, total_counter DESC LIMIT 1;
