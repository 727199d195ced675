-- name: counted_by
SELECT min(received_at) FROM audit.request WHERE uid = :uid AND total_counter >= :ordinal;

-- name: lock_card
SELECT pg_advisory_xact_lock(hashtextextended('audit ' || :uid, 0));

-- name: newest_sequence
SELECT audit_sequence FROM audit.request WHERE uid = :uid ORDER BY audit_sequence DESC LIMIT 1;

-- name: add_request
INSERT INTO audit.request (uid, audit_sequence, nonce, total_counter, proven_counter, unaudited, card_limit,
                           stated_sum, stated_limit, received_at, state, due_at, code)
VALUES (:uid, :audit_sequence, :nonce, :total_counter, :proven_counter, :unaudited, :card_limit,
        :stated_sum, :stated_limit, :received_at, :state, :due_at, :code)
ON CONFLICT (uid, audit_sequence, nonce) DO NOTHING
RETURNING request_id;

-- name: supersede_older
UPDATE audit.request SET state = 'superseded', due_at = NULL, code = 'TS-3103'
WHERE uid = :uid AND audit_sequence <= :audit_sequence AND request_id <> :request_id
  AND state IN ('waiting', 'incomplete', 'contradicts', 'proven');

-- name: open_cycle
INSERT INTO audit.cycle (uid, started_at) VALUES (:uid, :at)
ON CONFLICT (uid) WHERE ended_at IS NULL DO UPDATE SET starts = audit.cycle.starts + 1;

-- name: end_cycle
UPDATE audit.cycle SET ended_at = :at, ended_by = :request_id WHERE uid = :uid AND ended_at IS NULL;

-- name: due_requests
SELECT request_id, uid, audit_sequence, nonce, total_counter, proven_counter, unaudited, card_limit, received_at
FROM audit.request WHERE due_at <= :now
ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED;

-- name: decide_request
UPDATE audit.request SET state = :state, due_at = :due_at, missing = :missing, code = :code, held = :held,
       contradicted_at = CASE WHEN :code = 'TS-1405' THEN coalesce(contradicted_at, :now) ELSE contradicted_at END
WHERE request_id = :request_id;

-- name: rest_on_override
UPDATE audit.request SET override_reason = :reason, override_first = :first, override_second = :second,
       override_at = :at, excused = :excused, presumed = :presumed
WHERE request_id = :request_id;

-- name: note_gone
UPDATE audit.request SET gone = :gone WHERE uid = :uid AND audit_sequence = :audit_sequence AND nonce = :nonce;

-- name: contradictions
SELECT count(*) FROM audit.request r
WHERE r.contradicted_at IS NOT NULL AND r.uid IN (
    SELECT other.uid FROM registry.secure_element mine JOIN registry.secure_element other ON other.tin = mine.tin
    WHERE mine.uid = :uid);

-- name: intend_proof
INSERT INTO audit.proof (request_id, uid, command_id, message, intended_at)
VALUES (:request_id, :uid, :command_id, :message, :at)
ON CONFLICT (request_id) DO NOTHING;

-- name: unissued_proofs
SELECT p.request_id, p.uid, p.command_id, p.message, p.intended_at, r.audit_sequence, r.total_counter, r.unaudited,
       r.override_first, r.override_second, r.override_reason, r.override_at, r.excused, r.presumed
FROM audit.proof p JOIN audit.request r USING (request_id)
WHERE p.issued_index IS NULL AND r.state = 'proven' ORDER BY p.request_id LIMIT :limit FOR UPDATE OF p SKIP LOCKED;

-- name: issue_proof
UPDATE audit.proof SET poa = :poa, issued_index = :issued_index WHERE request_id = :request_id;

-- name: report_proof
UPDATE audit.proof SET success = :success, reported_at = :at
WHERE command_id = :command_id AND success IS DISTINCT FROM true
RETURNING request_id, uid;

-- name: end_request
UPDATE audit.request SET state = 'ended', due_at = NULL WHERE request_id = :request_id RETURNING audit_sequence;

-- name: newer_open
SELECT received_at FROM audit.request
WHERE uid = :uid AND audit_sequence > :audit_sequence AND state IN ('waiting', 'incomplete', 'contradicts', 'proven')
ORDER BY audit_sequence LIMIT 1;

-- name: unentered_executions
SELECT p.request_id, p.uid, p.message, p.reported_at, r.audit_sequence, r.total_counter, r.unaudited
FROM audit.proof p JOIN audit.request r USING (request_id)
WHERE p.success AND p.executed_index IS NULL ORDER BY p.request_id LIMIT :limit FOR UPDATE OF p SKIP LOCKED;

-- name: enter_execution
UPDATE audit.proof SET executed_index = :executed_index WHERE request_id = :request_id;

-- name: last_arrival
SELECT i.log_index, (convert_from(r.record, 'UTF8')::json ->> 'received_at')::bigint AS received_ms
FROM ledger.identity i
LEFT JOIN ledger.records r ON r.month = i.month AND r.tin = i.tin AND r.log_index = i.log_index
WHERE i.signed_by = :uid AND i.requested_by = :uid AND i.se_total BETWEEN :first AND :last
ORDER BY i.log_index DESC LIMIT 1;

-- name: turnover
SELECT coalesce(sum(abs((convert_from(r.record, 'UTF8')::json ->> 'day_amount')::bigint)), 0)::bigint
FROM ledger.identity i
JOIN ledger.records r ON r.month = i.month AND r.tin = i.tin AND r.log_index = i.log_index
WHERE i.signed_by = :uid AND i.requested_by = :uid AND i.se_total BETWEEN :first AND :last;

-- name: turnover_of
SELECT coalesce(sum(abs((convert_from(r.record, 'UTF8')::json ->> 'day_amount')::bigint)), 0)::bigint
FROM unnest(:firsts::bigint[], :lasts::bigint[]) AS span(first, last)
JOIN ledger.identity i ON i.signed_by = :uid AND i.requested_by = :uid AND i.se_total BETWEEN span.first AND span.last
JOIN ledger.records r ON r.month = i.month AND r.tin = i.tin AND r.log_index = i.log_index;

-- name: overview
SELECT (SELECT count(*) FROM audit.cycle WHERE ended_at IS NULL) AS open_cycles,
       (SELECT count(*) FROM audit.cycle WHERE ended_at IS NOT NULL) AS ended_cycles,
       (SELECT count(*) FROM audit.request WHERE state = 'waiting') AS waiting,
       (SELECT count(*) FROM audit.request WHERE state = 'incomplete') AS incomplete,
       (SELECT count(*) FROM audit.request WHERE state = 'contradicts') AS contradicting,
       (SELECT count(*) FROM audit.proof WHERE issued_index IS NOT NULL) AS proofs,
       (SELECT count(*) FROM audit.proof WHERE success) AS executed,
       (SELECT count(*) FROM audit.override WHERE state = 'pending' AND expires_at > :now) AS overrides_pending;

-- name: missing_by_card
SELECT uid, missing, received_at FROM audit.request
WHERE state = 'incomplete' ORDER BY received_at LIMIT :limit;

-- name: state_of_card
SELECT state, code, missing, received_at FROM audit.request
WHERE uid = :uid ORDER BY audit_sequence DESC, request_id DESC LIMIT 1;

-- name: audited_up_to
SELECT coalesce(max(r.total_counter), 0) FROM audit.proof p JOIN audit.request r USING (request_id)
WHERE p.uid = :uid AND p.success;

-- name: open_audits
SELECT uid, state, code, total_counter, unaudited, held, missing, gone, received_at,
       (SELECT started_at FROM audit.cycle c WHERE c.uid = r.uid AND c.ended_at IS NULL) AS since
FROM audit.request r
WHERE state IN ('waiting', 'incomplete', 'contradicts', 'proven')
ORDER BY (state IN ('incomplete', 'contradicts')) DESC, received_at LIMIT :limit;

-- name: newest_request
SELECT request_id, uid, audit_sequence, nonce, total_counter, proven_counter, unaudited, card_limit, received_at, state
FROM audit.request WHERE uid = :uid ORDER BY audit_sequence DESC, request_id DESC LIMIT 1;

-- name: add_override
INSERT INTO audit.override (uid, request_id, proven_counter, total_counter, excused, presumed, reason,
                            asked_by, asked_from, asked_at, expires_at)
VALUES (:uid, :request_id, :proven_counter, :total_counter, :excused, :presumed, :reason,
        :asked_by, :asked_from, :asked_at, :expires_at)
RETURNING override_id;

-- name: expire_overrides
UPDATE audit.override SET state = 'expired' WHERE state = 'pending' AND expires_at <= :at;

-- name: lock_override
SELECT override_id, uid, proven_counter, total_counter, excused, presumed, reason, asked_by, asked_from, asked_at,
       expires_at, state, decided_by, decided_at
FROM audit.override WHERE override_id = :override_id FOR UPDATE;

-- name: decide_override
UPDATE audit.override SET state = :state, decided_by = :by, decided_from = :came_from, decided_at = :at
WHERE override_id = :override_id AND state = 'pending';

-- name: take_approved
WITH taken AS (
    UPDATE audit.override SET taken_at = :at WHERE state = 'approved' AND taken_at IS NULL RETURNING uid
), woken AS (
    UPDATE audit.request r SET due_at = :at FROM taken
    WHERE r.uid = taken.uid AND r.state IN ('waiting', 'incomplete', 'contradicts')
)
SELECT uid FROM taken;

-- name: pending_override
SELECT override_id, uid, proven_counter, total_counter, excused, presumed, reason, asked_by, asked_from, asked_at,
       expires_at, state, decided_by, decided_at
FROM audit.override WHERE uid = :uid AND state = 'pending';

-- name: approved_overrides
SELECT override_id, uid, proven_counter, total_counter, excused, presumed, reason, asked_by, asked_from, asked_at,
       expires_at, state, decided_by, decided_at
FROM audit.override WHERE uid = :uid AND state = 'approved' ORDER BY override_id;

-- name: newest_overrides
SELECT override_id, uid, proven_counter, total_counter, excused, presumed, reason, asked_by, asked_from, asked_at,
       expires_at, state, decided_by, decided_at
FROM audit.override ORDER BY (state = 'pending') DESC, override_id DESC LIMIT :limit;
