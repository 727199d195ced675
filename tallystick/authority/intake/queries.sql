-- name: keep_refused
INSERT INTO intake.refused (file_hash, token_uid, token_tin, body, step, code, detail, answered, first_at, last_at)
VALUES (:file_hash, :token_uid, :token_tin, :body, :step, :code, :detail, :answered, :at, :at)
ON CONFLICT (file_hash, token_uid) DO UPDATE SET last_at = excluded.last_at, times = intake.refused.times + 1;

-- name: recent_refusals
SELECT token_uid, token_tin, last_at AS at
FROM intake.refused WHERE last_at > :since AND code IN ('TS-1202', 'TS-1310', 'TS-1311', 'TS-1312', 'TS-1108')
  AND answered < 100  -- statuses of packages, not of HTTP: the budget is that of the package's format
ORDER BY last_at;

-- name: keep_quarantined
INSERT INTO intake.quarantine (act_hash, body_hash, file_hash, body, requested_by, signed_by, ordinal, tin, turnover,
                               step, codes, verdict, received_at)
VALUES (:act_hash, :body_hash, :file_hash, :body, :requested_by, :signed_by, :ordinal, :tin, :turnover,
        :step, :codes, :verdict, :received_at)
ON CONFLICT (act_hash) DO NOTHING;

-- name: quarantined
SELECT body_hash, body, verdict, entry_index, state FROM intake.quarantine WHERE act_hash = :act_hash;

-- name: number_quarantined
UPDATE intake.quarantine SET entry_index = :entry_index WHERE act_hash = :act_hash AND entry_index IS NULL;

-- name: keep_evidence
INSERT INTO intake.evidence (act_hash, body_hash, kind, file_hash, body, first_body_hash, signed_by, ordinal,
                             token_uid, received_at)
VALUES (:act_hash, :body_hash, :kind, :file_hash, :body, :first_body_hash, :signed_by, :ordinal,
        :token_uid, :received_at)
ON CONFLICT (act_hash, body_hash) DO NOTHING;

-- name: evidence_index
SELECT entry_index FROM intake.evidence WHERE act_hash = :act_hash AND body_hash = :body_hash;

-- name: number_evidence
UPDATE intake.evidence SET entry_index = :entry_index
WHERE act_hash = :act_hash AND body_hash = :body_hash AND entry_index IS NULL;

-- name: is_doubled
SELECT EXISTS (SELECT FROM intake.evidence WHERE signed_by = :signed_by AND kind = 'two documents under one number');

-- name: kept_ordinals
SELECT ordinal FROM intake.quarantine
WHERE signed_by = :signed_by AND ordinal BETWEEN :first AND :last AND entry_index IS NOT NULL
UNION
SELECT ordinal FROM intake.evidence
WHERE signed_by = :signed_by AND ordinal BETWEEN :first AND :last AND entry_index IS NOT NULL;

-- name: kept_extent
SELECT count(*), max(entry_index) FROM intake.quarantine WHERE signed_by = :signed_by AND entry_index IS NOT NULL;

-- name: kept_of
SELECT act_hash, body_hash, ordinal, substring(body FOR :most), received_at FROM intake.quarantine
WHERE signed_by = :signed_by AND entry_index IS NOT NULL AND octet_length(body) > 0 ORDER BY ordinal DESC;

-- name: is_kept_apart
SELECT EXISTS (SELECT FROM intake.quarantine WHERE act_hash = :act_hash AND state <> 'readmitted');

-- name: kept_turnover
SELECT coalesce(sum(abs(q.turnover)), 0)::bigint AS turnover FROM intake.quarantine q
WHERE q.signed_by = :signed_by AND q.ordinal BETWEEN :first AND :last AND q.entry_index IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM ledger.identity i
                  WHERE i.signed_by = q.signed_by AND i.se_total = q.ordinal AND i.requested_by = q.requested_by);

-- name: held
SELECT act_hash, body_hash, file_hash, body, requested_by, signed_by, ordinal, tin, turnover, codes, verdict, received_at,
       entry_index, state, decided_at, decided_by, request_id, document_index, hindrance
FROM intake.quarantine WHERE act_hash = :act_hash;

-- name: lock_held
SELECT act_hash, body_hash, file_hash, body, requested_by, signed_by, ordinal, tin, turnover, codes, verdict, received_at,
       entry_index, state, decided_at, decided_by, request_id, document_index, hindrance
FROM intake.quarantine WHERE act_hash = :act_hash FOR UPDATE;

-- name: waiting_held
SELECT act_hash, body_hash, file_hash, ''::bytea, requested_by, signed_by, ordinal, tin, turnover, codes, verdict,
       received_at, entry_index, state, decided_at, decided_by, request_id, document_index, hindrance
FROM intake.quarantine WHERE state = 'received' ORDER BY received_at LIMIT :limit;

-- name: decided_held
SELECT act_hash, body_hash, file_hash, ''::bytea, requested_by, signed_by, ordinal, tin, turnover, codes, verdict,
       received_at, entry_index, state, decided_at, decided_by, request_id, document_index, hindrance
FROM intake.quarantine WHERE state <> 'received' ORDER BY decided_at DESC LIMIT :limit;

-- name: decide
UPDATE intake.quarantine
SET state = :state, decided_at = :at, decided_by = :by, request_id = :request_id, document_index = :document_index,
    decision = :decision, hindrance = ''
WHERE act_hash = :act_hash AND state = 'received';

-- name: note_hindrance
UPDATE intake.quarantine SET hindrance = :hindrance WHERE act_hash = :act_hash AND state = 'received';

-- name: unpublished_decisions
SELECT act_hash, decision, decided_at, requested_by, signed_by, ordinal, tin FROM intake.quarantine
WHERE state <> 'received' AND decision_index IS NULL ORDER BY decided_at LIMIT 100;

-- name: number_decision
UPDATE intake.quarantine SET decision_index = :entry_index WHERE act_hash = :act_hash AND decision_index IS NULL;

-- name: overview
SELECT (SELECT count(*) FROM intake.refused) AS refused,
       (SELECT count(*) FROM intake.refused WHERE last_at > :since) AS refused_lately,
       (SELECT count(*) FROM intake.quarantine WHERE state = 'received') AS quarantined,
       (SELECT count(*) FROM intake.evidence) AS evidence;

-- name: lock_original
INSERT INTO intake.refunded (original) VALUES (:original)
ON CONFLICT (original) DO UPDATE SET original = excluded.original;

-- name: maker_is_known
SELECT EXISTS (SELECT FROM ledger.device_heads WHERE signed_by = :signed_by AND requested_by = :requested_by);

-- name: noted_claim
SELECT beyond FROM intake.refund_claim WHERE act_hash = :act_hash AND NOT let_go;

-- name: original
SELECT coalesce(said.facts ->> 'total', '0'), said.facts ->> 'taxpayer', said.facts ->> 'type',
       coalesce(said.facts ->> 'refers_to', '')
FROM ledger.identity i
JOIN ledger.records r ON r.month = i.month AND r.tin = i.tin AND r.log_index = i.log_index
CROSS JOIN LATERAL (SELECT convert_from(nullif(r.record, ''), 'UTF8')::jsonb AS facts) said
WHERE i.signed_by = :signed_by AND i.requested_by = :requested_by AND i.se_total = :ordinal AND i.signed_by <> ''
  AND said.facts IS NOT NULL;

-- name: claimed
SELECT coalesce(sum(amount), 0) FROM intake.refund_claim
WHERE original = :original AND act_hash <> :act_hash AND NOT let_go AND tin IN ('', :tin);

-- name: let_idle_claims_go
UPDATE intake.refund_claim c SET let_go = true
WHERE c.original = :original AND c.act_hash <> :act_hash AND NOT c.let_go AND c.claimed_at < :before
  AND NOT EXISTS (SELECT FROM ledger.identity i
                  WHERE i.signed_by = c.device AND i.se_total = c.sequence AND i.act_hash = c.act_hash)
  AND CASE WHEN c.given
      THEN EXISTS (SELECT FROM intake.evidence e WHERE e.act_hash = c.act_hash)
        OR EXISTS (SELECT FROM intake.quarantine q WHERE q.act_hash = c.act_hash AND q.state = 'rejected')
      ELSE NOT EXISTS (SELECT FROM intake.quarantine q WHERE q.act_hash = c.act_hash AND q.state = 'received')
      END;

-- name: put_claim
INSERT INTO intake.refund_claim (act_hash, original, device, sequence, amount, claimed_at, tin, given, beyond)
VALUES (:act_hash, :original, :device, :sequence, :amount, :at, :tin, :given, :beyond)
ON CONFLICT (act_hash) DO UPDATE
SET claimed_at = excluded.claimed_at, let_go = false, beyond = excluded.beyond,
    given = intake.refund_claim.given OR excluded.given;

-- name: begin_reader
INSERT INTO intake.progress (reader, position) VALUES (:reader, 0) ON CONFLICT DO NOTHING;

-- name: hold_position
SELECT position FROM intake.progress WHERE reader = :reader FOR UPDATE;

-- name: move_position
UPDATE intake.progress SET position = :position WHERE reader = :reader;

-- name: acked_size
SELECT coalesce((SELECT max(tree_size) FROM ledger.checkpoints), 0);

-- name: referring
SELECT r.record
FROM ledger.leaves l
JOIN ledger.records r ON r.month = l.month AND r.tin = l.tin AND r.log_index = l.log_index
WHERE l.log_index >= :first AND l.log_index < :last AND position('"refers_to":"'::bytea IN r.record) > 0
ORDER BY l.log_index;

-- name: booked_refunds
SELECT c.original, i.log_index, c.amount, r.record
FROM intake.refund_claim c
JOIN ledger.identity i ON i.signed_by = c.device AND i.se_total = c.sequence AND i.act_hash = c.act_hash
JOIN ledger.records r ON r.month = i.month AND r.tin = i.tin AND r.log_index = i.log_index
WHERE c.original = ANY(:originals) AND NOT c.let_go AND i.log_index < :edge
ORDER BY i.log_index;

-- name: let_claim_go
UPDATE intake.refund_claim c SET let_go = true
WHERE c.act_hash = :act_hash
  AND NOT EXISTS (SELECT FROM ledger.identity i
                  WHERE i.signed_by = c.device AND i.se_total = c.sequence AND i.act_hash = c.act_hash);

-- name: note_register_state
INSERT INTO intake.register_state (uid, sequence, link, state) VALUES (:uid, :sequence, :link, :state)
ON CONFLICT (uid) DO UPDATE SET sequence = excluded.sequence, link = excluded.link, state = excluded.state;

-- name: register_state
SELECT s.sequence, s.link, s.state
FROM intake.register_state s
JOIN ledger.device_links d
  ON d.signed_by = s.uid AND d.requested_by = s.uid AND d.seq = s.sequence AND d.link = s.link
WHERE s.uid = :uid;

-- name: undecided_between
SELECT min(ordinal) FROM intake.quarantine
WHERE signed_by = :uid AND ordinal BETWEEN :first AND :last AND state = 'received';

-- name: came_between
SELECT body_hash, ordinal FROM intake.quarantine WHERE signed_by = :uid AND ordinal BETWEEN :first AND :last
UNION
SELECT body_hash, ordinal FROM intake.evidence WHERE signed_by = :uid AND ordinal BETWEEN :first AND :last;

-- name: refused_of
SELECT body, last_at FROM intake.refused WHERE token_uid = :uid ORDER BY last_at DESC, file_hash LIMIT :limit;

-- name: apart_behind
SELECT count(*) FROM intake.quarantine WHERE signed_by = :uid AND ordinal > :place AND state = 'received';

-- name: put_settled_place
INSERT INTO intake.settled_place (request_id, uid, tin, first_place, last_place, next_act, body, settled_at)
VALUES (:request_id, :uid, :tin, :first, :last, :next_act, :body, :at) ON CONFLICT DO NOTHING;

-- name: waiting_places
SELECT request_id, uid, tin, body, settled_at, next_act FROM intake.settled_place
WHERE entry_index IS NULL AND refusal = '' ORDER BY request_id;

-- name: number_place
UPDATE intake.settled_place SET entry_index = :entry_index WHERE request_id = :request_id AND entry_index IS NULL;

-- name: refuse_place
UPDATE intake.settled_place SET refusal = :refusal WHERE request_id = :request_id AND entry_index IS NULL;

-- name: settled_places
SELECT request_id, uid, tin, body, settled_at, entry_index, refusal FROM intake.settled_place
ORDER BY request_id DESC LIMIT :limit;

-- name: unnumbered_presented
SELECT act_hash, body_hash, body, signed_by, ordinal, received_at FROM intake.evidence
WHERE entry_index IS NULL AND kind = 'came for a settled place' ORDER BY signed_by, ordinal LIMIT 100;

-- name: next_behind_places
SELECT q.act_hash, p.request_id
FROM intake.settled_place p
JOIN ledger.device_heads h ON h.signed_by = p.uid AND h.requested_by = p.uid
JOIN intake.quarantine q ON q.signed_by = p.uid AND q.ordinal IN (h.seq, h.seq + 1)
WHERE p.entry_index IS NOT NULL AND q.state = 'received' AND q.hindrance = '' AND q.entry_index IS NOT NULL
  AND 'TS-1402' = ANY (q.codes) AND q.ordinal > p.last_place AND q.received_at < p.settled_at + :in_time::interval
  AND (q.ordinal > h.seq  -- or booked, and a crash kept that from being noted
       OR EXISTS (SELECT FROM ledger.identity i WHERE i.signed_by = q.signed_by AND i.se_total = q.ordinal
                  AND i.act_hash = q.act_hash))
ORDER BY p.request_id DESC, q.ordinal, q.act_hash LIMIT 1;

-- name: many_extent
SELECT min(ordinal), max(ordinal), max(entry_index) FROM intake.quarantine
WHERE signed_by = :uid AND ordinal BETWEEN :first AND :last AND state = 'received' AND entry_index IS NOT NULL;

-- name: many_kept
SELECT count(*) FILTER (WHERE state = 'received'), coalesce(sum(turnover) FILTER (WHERE state = 'received'), 0),
       min(received_at) FILTER (WHERE state = 'received'), max(received_at) FILTER (WHERE state = 'received'),
       sha256(coalesce(string_agg(act_hash, ''::bytea ORDER BY ordinal, entry_index), ''::bytea))
FROM intake.quarantine
WHERE signed_by = :uid AND ordinal BETWEEN :first AND :last AND entry_index <= :edge;

-- name: many_codes
SELECT code, count(*) FROM intake.quarantine q CROSS JOIN LATERAL unnest(q.codes) code
WHERE q.signed_by = :uid AND q.ordinal BETWEEN :first AND :last AND q.entry_index <= :edge AND q.state = 'received'
GROUP BY code ORDER BY count(*) DESC, code;

-- name: many_arrived
SELECT act_hash, received_at FROM intake.quarantine
WHERE signed_by = :uid AND ordinal BETWEEN :first AND :last AND entry_index <= :edge AND state = 'received';

-- name: many_devices
SELECT signed_by, count(*), min(ordinal), max(ordinal), sum(turnover), min(received_at), max(received_at)
FROM intake.quarantine WHERE state = 'received' AND entry_index IS NOT NULL
GROUP BY signed_by HAVING count(*) > 1 ORDER BY count(*) DESC, signed_by LIMIT :limit;

-- name: begin_many
INSERT INTO intake.decision_of_many (request_id, uid, begun_at) VALUES (:request_id, :uid, :at);

-- name: many_in_work
SELECT EXISTS (SELECT FROM intake.decision_of_many WHERE finished_at IS NULL AND (:uid::text IS NULL OR uid = :uid));

-- name: lock_many
SELECT request_id, uid, at_number, at_entry, done, left_waiting, codes::text, hindrance, begun_at, finished_at
FROM intake.decision_of_many WHERE finished_at IS NULL ORDER BY request_id LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: next_of_many
SELECT act_hash, ordinal, entry_index FROM intake.quarantine
WHERE signed_by = :uid AND ordinal BETWEEN :first AND :last AND entry_index <= :edge AND state = 'received'
  AND ordinal >= :at_number AND (ordinal, entry_index) > (:at_number, :at_entry)
ORDER BY ordinal, entry_index LIMIT 1;

-- name: note_many
UPDATE intake.decision_of_many
SET at_number = :at_number, at_entry = :at_entry, done = :done, left_waiting = :left_waiting, codes = :codes::jsonb,
    hindrance = :hindrance, finished_at = :finished_at
WHERE request_id = :request_id AND finished_at IS NULL;

-- name: newest_many
SELECT request_id, uid, at_number, at_entry, done, left_waiting, codes::text, hindrance, begun_at, finished_at
FROM intake.decision_of_many ORDER BY finished_at IS NOT NULL, request_id DESC LIMIT :limit;
