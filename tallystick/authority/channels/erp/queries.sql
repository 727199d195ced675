-- name: take_key
INSERT INTO erp.act_key (uid, key, act_hash, sequence, taken_at) VALUES (:uid, :key, :act_hash, :sequence, :at)
ON CONFLICT (uid, key) DO UPDATE
SET act_hash = excluded.act_hash, sequence = excluded.sequence, taken_at = excluded.taken_at, let_go = false
WHERE erp.act_key.taken_at < :expired OR erp.act_key.act_hash = excluded.act_hash
RETURNING act_hash;

-- name: key
SELECT act_hash, sequence, taken_at, let_go FROM erp.act_key WHERE uid = :uid AND key = :key;

-- name: give_key
UPDATE erp.act_key SET act_hash = :act_hash, sequence = :sequence, taken_at = :at, let_go = false
WHERE uid = :uid AND key = :key AND act_hash = :before;

-- name: let_key_go
UPDATE erp.act_key SET let_go = true WHERE uid = :uid AND key = :key AND act_hash = :act_hash;

-- name: drop_keys
DELETE FROM erp.act_key WHERE taken_at < :expired;

-- name: drop_refused_keys
DELETE FROM erp.act_key k
WHERE k.let_go AND k.taken_at < :doubtful
  AND NOT EXISTS (SELECT FROM ledger.identity i
                  WHERE i.signed_by = k.uid AND i.se_total = k.sequence AND i.act_hash = k.act_hash);

-- name: own_documents
SELECT d.log_index, d.seq, d.body_hash, l.leaf, r.record, b.media_type, b.body
FROM ledger.device_links d
JOIN ledger.leaves l ON l.log_index = d.log_index AND get_byte(l.leaf, 4) = 1
LEFT JOIN ledger.records r ON r.month = l.month AND r.tin = l.tin AND r.log_index = l.log_index
LEFT JOIN ledger.bodies b ON b.month = l.month AND b.tin = l.tin AND b.log_index = l.log_index
WHERE d.signed_by = :uid AND d.requested_by = :uid AND d.seq > :after AND d.log_index < :edge
ORDER BY d.seq LIMIT :limit;

-- name: refunds
WITH claim AS (
    SELECT c.act_hash, c.original, c.device, c.sequence, c.amount, c.tin FROM intake.refund_claim c
    WHERE split_part(c.original, '-', 2) = :uid AND NOT c.let_go AND c.claimed_at > :since
    UNION
    SELECT c.act_hash, c.original, c.device, c.sequence, c.amount, c.tin
    FROM intake.quarantine q JOIN intake.refund_claim c ON c.act_hash = q.act_hash
    WHERE q.state = 'readmitted' AND q.decided_at > :since AND split_part(c.original, '-', 2) = :uid AND NOT c.let_go
)
SELECT i.log_index, c.original, i.requested_by, c.device, c.sequence, c.amount, l.leaf
FROM claim c
JOIN ledger.identity i ON i.signed_by = c.device AND i.se_total = c.sequence AND i.act_hash = c.act_hash
JOIN ledger.device_heads d ON d.signed_by = :uid AND d.requested_by = :uid AND c.tin IN ('', d.tin)
JOIN ledger.leaves l ON l.log_index = i.log_index
WHERE i.log_index >= :first AND i.log_index < :edge
ORDER BY i.log_index LIMIT :limit;

-- name: leaf
SELECT leaf FROM ledger.leaves WHERE log_index = :log_index;

-- name: lock_webhooks
SELECT pg_advisory_xact_lock(hashtextextended(:uid, 31));

-- name: webhooks
SELECT webhook_id, uid, certificate_hash, url, salt, made_at, read_to, sending_to, message, state, tries, next_at, trouble,
       delivered_at
FROM erp.webhook WHERE uid = :uid ORDER BY webhook_id;

-- name: add_webhook
INSERT INTO erp.webhook (uid, certificate_hash, url, salt, made_at, read_to, next_at)
VALUES (:uid, :certificate_hash, :url, :salt, :at, :read_to, :at)
RETURNING webhook_id, uid, certificate_hash, url, salt, made_at, read_to, sending_to, message, state, tries, next_at,
          trouble, delivered_at;

-- name: remove_webhook
DELETE FROM erp.webhook WHERE uid = :uid AND webhook_id = :webhook_id;

-- name: resume_webhook
UPDATE erp.webhook SET state = 'active', tries = 0, next_at = :at, certificate_hash = :certificate_hash
WHERE uid = :uid AND webhook_id = :webhook_id
RETURNING webhook_id, uid, certificate_hash, url, salt, made_at, read_to, sending_to, message, state, tries, next_at,
          trouble, delivered_at;

-- name: due_webhooks
SELECT webhook_id, uid, certificate_hash, url, salt, made_at, read_to, sending_to, message, state, tries, next_at, trouble,
       delivered_at
FROM erp.webhook WHERE state = 'active' AND next_at <= :at ORDER BY next_at LIMIT :limit FOR UPDATE SKIP LOCKED;

-- name: rest_webhook
UPDATE erp.webhook SET next_at = :next_at WHERE webhook_id = :webhook_id;

-- name: intend_sending
UPDATE erp.webhook SET sending_to = :sending_to, message = :message, tries = :tries, next_at = :next_at
WHERE webhook_id = :webhook_id;

-- name: webhook_told
UPDATE erp.webhook
SET read_to = sending_to, sending_to = '', message = '', tries = 0, next_at = :at, trouble = '', delivered_at = :at
WHERE webhook_id = :webhook_id AND message = :message AND state = 'active' AND sending_to <> '';

-- name: webhook_trouble
UPDATE erp.webhook SET trouble = :trouble WHERE webhook_id = :webhook_id AND message = :message;

-- name: stop_webhook
UPDATE erp.webhook SET state = 'stopped', next_at = NULL, trouble = :trouble WHERE webhook_id = :webhook_id;
