-- name: entry
SELECT get_byte(l.leaf, 4), octet_length(b.body), sha256(b.body),
       l.log_index < coalesce((SELECT max(tree_size) FROM ledger.checkpoints), 0)
FROM ledger.leaves l
JOIN ledger.bodies b ON b.month = l.month AND b.tin = l.tin AND b.log_index = l.log_index
WHERE l.log_index = :log_index;

-- name: add_erasure
INSERT INTO personal.erasure (request_id, law, asked_by, approved_by, ordered_at)
VALUES (:request_id, :law, :asked_by, :approved_by, :at);

-- name: add_erased
INSERT INTO personal.erased (request_id, log_index, body_hash) VALUES (:request_id, :log_index, :body_hash);

-- name: next_erasure
SELECT request_id, law, asked_by, approved_by, ordered_at, entry_index FROM personal.erasure
WHERE done_at IS NULL AND request_id > :after ORDER BY request_id LIMIT 1;

-- name: erased_of
SELECT log_index, body_hash FROM personal.erased WHERE request_id = :request_id ORDER BY log_index;

-- name: note_entry
UPDATE personal.erasure SET entry_index = :entry_index WHERE request_id = :request_id;

-- name: note_done
UPDATE personal.erasure SET done_at = :at WHERE request_id = :request_id;

-- name: acked_size
SELECT coalesce((SELECT tree_size FROM ledger.checkpoints ORDER BY tree_size DESC LIMIT 1), 0);

-- name: in_mirror
SELECT x.log_index, x.body_hash FROM personal.erased x JOIN personal.erasure e USING (request_id)
WHERE x.in_mirror AND e.done_at IS NOT NULL AND x.log_index < :below ORDER BY x.log_index LIMIT :limit;

-- name: out_of_mirror
UPDATE personal.erased SET in_mirror = false WHERE log_index = ANY(:indexes) AND in_mirror;

-- name: entries_of_taxpayer
SELECT log_index FROM ledger.leaves
WHERE tin = :tin AND log_index >= :first AND log_index < :last ORDER BY log_index;

-- name: of_buyer
SELECT s.log_index FROM ledger.buyer_salts s
JOIN ledger.leaves l ON l.log_index = s.log_index
JOIN ledger.records r ON r.month = l.month AND r.tin = l.tin AND r.log_index = l.log_index
WHERE s.log_index >= :first AND s.log_index < :last
  AND position(convert_to('"buyer":"' || encode(sha256(:before_salt::bytea || s.salt || :after_salt::bytea), 'hex') || '"',
                          'UTF8') IN r.record) > 0
ORDER BY s.log_index;

-- name: with_text
SELECT b.log_index FROM ledger.leaves l
JOIN ledger.bodies b ON b.month = l.month AND b.tin = l.tin AND b.log_index = l.log_index
WHERE l.log_index >= :first AND l.log_index < :last AND get_byte(l.leaf, 4) IN (1, 4, 5)
  AND NOT EXISTS (SELECT 1 FROM ledger.buyer_salts s WHERE s.log_index = l.log_index)
  AND (position(:wanted::bytea IN b.body) > 0 OR position(:canonical::bytea IN b.body) > 0
       OR (b.media_type = 'application/jose' AND get_byte(l.leaf, 4) IN (4, 5)))
ORDER BY b.log_index;

-- name: buyer_salt
SELECT salt FROM ledger.buyer_salts WHERE log_index = :log_index;
