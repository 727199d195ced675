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

-- name: of_taxpayer
SELECT seq, log_index FROM ledger.taxpayer_links WHERE tin = :tin AND seq > :after ORDER BY seq LIMIT :limit;

-- name: with_text
SELECT b.log_index FROM ledger.leaves l
JOIN ledger.bodies b ON b.month = l.month AND b.tin = l.tin AND b.log_index = l.log_index
WHERE l.log_index >= :first AND l.log_index < :last AND get_byte(l.leaf, 4) = 1
  AND position(:wanted::bytea IN b.body) > 0
ORDER BY b.log_index;
