-- name: acked_size
SELECT coalesce((SELECT tree_size FROM ledger.checkpoints ORDER BY tree_size DESC LIMIT 1), 0);

-- name: begin_reader
INSERT INTO inspections.progress VALUES (:reader, 0) ON CONFLICT (reader) DO NOTHING;

-- name: hold_position
SELECT position FROM inspections.progress WHERE reader = :reader FOR UPDATE;

-- name: move_position
UPDATE inspections.progress SET position = :position WHERE reader = :reader;

-- name: was_closed
SELECT 1 FROM inspections.case_file c JOIN inspections.seen s USING (case_id)
WHERE c.kind = :kind AND c.matter = :matter AND c.state = 'closed' AND s.item = :item LIMIT 1;

-- name: open_case
INSERT INTO inspections.case_file (kind, matter, tin, device, opened_at, last_seen_at, looked_at)
VALUES (:kind, :matter, :tin, :device, :at, :at, :at)
ON CONFLICT (kind, matter) WHERE state = 'open' DO UPDATE SET last_seen_at = excluded.last_seen_at
RETURNING case_id;

-- name: add_seen
INSERT INTO inspections.seen (case_id, item, amount, facts, seen_at)
VALUES (:case_id, :item, :amount, :facts, :at)
ON CONFLICT (case_id, item) DO UPDATE SET gone_at = NULL WHERE inspections.seen.gone_at IS NOT NULL;

-- name: due_cases
SELECT case_id FROM inspections.case_file
WHERE state = 'open' AND kind = ANY(:kinds) AND looked_at <= :before
ORDER BY looked_at LIMIT :limit FOR UPDATE SKIP LOCKED;

-- name: note_looked
UPDATE inspections.case_file SET looked_at = :at WHERE case_id = :case_id;

-- name: mark_gone
UPDATE inspections.seen SET gone_at = :at WHERE seen_id = :seen_id AND gone_at IS NULL;

-- name: vanish
UPDATE inspections.case_file c SET state = 'vanished', closed_at = :at
WHERE case_id = :case_id AND state = 'open'
  AND NOT EXISTS (SELECT 1 FROM inspections.seen s WHERE s.case_id = c.case_id AND s.gone_at IS NULL);

-- name: lock_case
SELECT state FROM inspections.case_file WHERE case_id = :case_id FOR UPDATE;

-- name: close_case
UPDATE inspections.case_file SET state = 'closed', closed_at = :at, closed_by = :by, reason = :reason
WHERE case_id = :case_id;

-- name: cases
SELECT c.case_id, c.kind, c.matter, c.tin, c.device, c.state, c.opened_at, c.last_seen_at, s.amount, s.items,
       c.closed_at, c.closed_by, c.reason
FROM inspections.case_file c
CROSS JOIN LATERAL (SELECT coalesce(sum(amount), 0)::bigint AS amount, count(*) AS items
                    FROM inspections.seen s WHERE s.case_id = c.case_id AND s.gone_at IS NULL) AS s
WHERE (:case_id::bigint IS NULL OR c.case_id = :case_id) AND (:state::text = '' OR c.state = :state)
  AND (cardinality(:kinds::text[]) = 0 OR c.kind = ANY(:kinds)) AND (:tin::text = '' OR c.tin = :tin)
  AND (:before::bigint = 0 OR c.case_id < :before)
ORDER BY c.case_id DESC LIMIT :limit;

-- name: seen_in
SELECT s.seen_id, c.kind, c.matter, s.item, c.tin, c.device, s.amount, s.facts::text, s.seen_at, s.gone_at
FROM inspections.seen s JOIN inspections.case_file c USING (case_id)
WHERE s.case_id = :case_id AND (NOT :only_there OR s.gone_at IS NULL) ORDER BY s.seen_id LIMIT :limit;

-- name: open_holes
SELECT h.signed_by, h.requested_by, h.last_ordinal, h.first_ordinal, d.tin,
       (convert_from(r.record, 'UTF8')::json ->> 'received_at')::bigint
FROM ledger.holes h
JOIN ledger.device_heads d USING (signed_by, requested_by)
LEFT JOIN ledger.identity i ON i.signed_by = h.signed_by AND i.requested_by = h.requested_by
    AND i.se_total = h.last_ordinal + 1 AND i.signed_by <> ''
LEFT JOIN ledger.records r ON r.month = i.month AND r.tin = i.tin AND r.log_index = i.log_index
WHERE h.first_ordinal <= h.last_ordinal
  AND (h.signed_by, h.requested_by, h.last_ordinal) > (:signed_by::text, :requested_by::text, :last_ordinal::bigint)
ORDER BY h.signed_by, h.requested_by, h.last_ordinal LIMIT :limit;

-- name: missing_between
SELECT first_ordinal, last_ordinal FROM ledger.holes
WHERE signed_by = :signed_by AND requested_by = :requested_by AND first_ordinal <= last_ordinal
  AND last_ordinal >= :first AND first_ordinal <= :last
ORDER BY last_ordinal LIMIT :limit;

-- name: devices
SELECT d.requested_by, d.signed_by, d.tin, d.offset_minutes, d.first_hour, d.last_hour, d.counts, d.audited_up_to,
       d.unaudited, d.oldest_at, d.high_since
FROM unnest(:requested::text[], :signed::text[]) AS w (requested_by, signed_by)
JOIN inspections.device d USING (requested_by, signed_by)
ORDER BY d.requested_by, d.signed_by FOR UPDATE OF d;

-- name: put_device
INSERT INTO inspections.device (requested_by, signed_by, tin, offset_minutes, first_hour, last_hour, counts,
    audited_up_to, unaudited, oldest_at, high_since, silent_due_at, unaudited_due_at)
VALUES (:requested_by, :signed_by, :tin, :offset_minutes, :first_hour, :last_hour, :counts,
    :audited_up_to, :unaudited, :oldest_at, :high_since, :silent_due_at, :unaudited_due_at)
ON CONFLICT (requested_by, signed_by) DO UPDATE
SET tin = excluded.tin, offset_minutes = excluded.offset_minutes, first_hour = excluded.first_hour,
    last_hour = excluded.last_hour, counts = excluded.counts, audited_up_to = excluded.audited_up_to,
    unaudited = excluded.unaudited, oldest_at = excluded.oldest_at, high_since = excluded.high_since,
    silent_due_at = excluded.silent_due_at, unaudited_due_at = excluded.unaudited_due_at;

-- name: unaudited_since
SELECT coalesce(sum(abs((convert_from(r.record, 'UTF8')::json ->> 'day_amount')::bigint)), 0)::bigint,
       min((convert_from(r.record, 'UTF8')::json ->> 'received_at')::bigint)
           FILTER (WHERE convert_from(r.record, 'UTF8')::json ->> 'day_amount' <> '0')
FROM ledger.identity i
JOIN ledger.records r ON r.month = i.month AND r.tin = i.tin AND r.log_index = i.log_index
WHERE i.signed_by = :uid AND i.requested_by = :uid AND i.signed_by <> '' AND i.se_total > :ordinal
  AND i.log_index < :below;

-- name: silent_devices
SELECT requested_by, signed_by, tin, last_hour FROM inspections.device
WHERE silent_due_at <= :at ORDER BY silent_due_at LIMIT :limit;

-- name: told_silent
UPDATE inspections.device SET silent_due_at = NULL WHERE requested_by = :requested_by AND signed_by = :signed_by;

-- name: unaudited_devices
SELECT requested_by, signed_by, tin, audited_up_to, unaudited, oldest_at FROM inspections.device
WHERE unaudited_due_at <= :at ORDER BY unaudited_due_at LIMIT :limit;

-- name: told_unaudited
UPDATE inspections.device SET unaudited_due_at = NULL WHERE requested_by = :requested_by AND signed_by = :signed_by;

-- name: device
SELECT last_hour, audited_up_to, unaudited FROM inspections.device
WHERE requested_by = :requested_by AND signed_by = :signed_by;

-- name: note_sighting
INSERT INTO inspections.sighting (act_hash, requested_by, signed_by, ordinal, tin, amount, issued_at, first_at, last_at,
                                  at_once, differs, booked_act)
VALUES (:act_hash, :requested_by, :signed_by, :ordinal, :tin, :amount, :issued_at, :at, :at, :at_once, :differs,
        nullif(:booked_act::bytea, ''::bytea))
ON CONFLICT (act_hash) DO UPDATE SET times = inspections.sighting.times + 1, last_at = :at
RETURNING first_at;

-- name: due_sightings
SELECT act_hash, requested_by, signed_by, ordinal, tin, amount, issued_at, at_once, differs,
       coalesce(booked_act, ''::bytea), first_at, times
FROM inspections.sighting WHERE NOT told AND (at_once OR first_at <= :before) ORDER BY first_at LIMIT :limit FOR UPDATE;

-- name: told_sighting
UPDATE inspections.sighting SET told = true WHERE act_hash = :act_hash;

-- name: forget_sighting
DELETE FROM inspections.sighting WHERE act_hash = :act_hash;

-- name: act_of_number
SELECT i.act_hash FROM ledger.identity i
WHERE i.signed_by = :signed_by AND i.requested_by = :requested_by AND i.se_total = :ordinal AND i.signed_by <> ''
  AND i.log_index < coalesce((SELECT max(tree_size) FROM ledger.checkpoints), 0);

-- name: sums_by_type
SELECT (said.facts ->> 'type')::bigint, count(*), coalesce(sum((said.facts ->> 'total')::bigint), 0)
FROM ledger.identity i
JOIN ledger.records r ON r.month = i.month AND r.tin = i.tin AND r.log_index = i.log_index
CROSS JOIN LATERAL (SELECT convert_from(r.record, 'UTF8')::jsonb AS facts) said
WHERE i.signed_by = :signed_by AND i.requested_by = :requested_by AND i.se_total BETWEEN :first AND :last
  AND i.signed_by <> ''
GROUP BY 1;
