-- name: acked_size
SELECT coalesce((SELECT tree_size FROM ledger.checkpoints ORDER BY tree_size DESC LIMIT 1), 0);

-- name: hold_position
SELECT position FROM taxservice.progress FOR UPDATE;

-- name: position
SELECT position FROM taxservice.progress;

-- name: move_position
UPDATE taxservice.progress SET position = :position;

-- name: span
SELECT l.log_index, l.leaf, l.tin, r.record
FROM ledger.leaves l
LEFT JOIN ledger.records r ON r.month = l.month AND r.tin = l.tin AND r.log_index = l.log_index
WHERE l.log_index >= :first AND l.log_index < :last AND get_byte(l.leaf, 4) = 1 ORDER BY l.log_index;

-- name: receipts_between
SELECT log_index, accepted_at FROM taxservice.receipt WHERE log_index >= :first AND log_index < :last;

-- name: add_items
INSERT INTO taxservice.item (log_index, document_type, tin, booked_at, next_at)
SELECT log_index, document_type, tin, booked_at, booked_at
FROM unnest(:indexes::bigint[], :types::integer[], :tins::text[], :booked::timestamptz[])
    AS new (log_index, document_type, tin, booked_at);

-- name: see_registers
INSERT INTO taxservice.register_seen
SELECT * FROM unnest(:days::date[], :registers::text[]) AS seen (day, register) ORDER BY day, register
ON CONFLICT DO NOTHING RETURNING day;

-- name: see_points
INSERT INTO taxservice.point_seen
SELECT * FROM unnest(:days::date[], :tins::text[], :premises::text[]) AS seen (day, tin, premises)
ORDER BY day, tin, premises
ON CONFLICT DO NOTHING RETURNING day;

-- name: add_totals
INSERT INTO taxservice.total
SELECT * FROM unnest(:types::integer[], :states::text[], :items::bigint[]) AS more (document_type, state, items)
ORDER BY document_type, state
ON CONFLICT (document_type, state) DO UPDATE SET items = taxservice.total.items + excluded.items;

-- name: add_minutes
INSERT INTO taxservice.minute
SELECT * FROM unnest(:minutes::bigint[], :types::integer[], :states::text[], :items::bigint[])
    AS more (minute, document_type, state, items)
ORDER BY minute, document_type, state
ON CONFLICT (minute, document_type, state) DO UPDATE SET items = taxservice.minute.items + excluded.items;

-- name: drop_minutes
DELETE FROM taxservice.minute WHERE minute < :before;

-- name: add_days
INSERT INTO taxservice.day
SELECT * FROM unnest(:days::date[], :operations::bigint[], :registers::bigint[], :points::bigint[],
                     :accepted::bigint[], :accepted_ms::bigint[])
    AS more (day, operations, registers, points, accepted, accepted_ms)
ORDER BY day
ON CONFLICT (day) DO UPDATE
SET operations = taxservice.day.operations + excluded.operations,
    registers = taxservice.day.registers + excluded.registers, points = taxservice.day.points + excluded.points,
    accepted = taxservice.day.accepted + excluded.accepted,
    accepted_ms = taxservice.day.accepted_ms + excluded.accepted_ms;

-- name: hold_standing
SELECT failures, open_since, probe_at, trouble, answered_at FROM taxservice.standing FOR UPDATE;

-- name: standing
SELECT failures, open_since, probe_at, trouble, answered_at FROM taxservice.standing;

-- name: put_standing
UPDATE taxservice.standing
SET failures = :failures, open_since = :open_since, probe_at = :probe_at, trouble = :trouble, answered_at = :answered_at;

-- name: claim
WITH due AS (
    SELECT log_index, state FROM taxservice.item WHERE next_at <= :at
    ORDER BY next_at, log_index LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE taxservice.item i SET state = 'sent', attempt = i.attempt + 1, next_at = :until
FROM due WHERE i.log_index = due.log_index
RETURNING i.log_index, due.state, i.document_type, i.booked_at, i.attempt, i.tries, i.resends;

-- name: documents
SELECT l.log_index, l.leaf, r.salt, r.record, b.media_type, b.body
FROM ledger.leaves l
LEFT JOIN ledger.records r ON r.month = l.month AND r.tin = l.tin AND r.log_index = l.log_index
LEFT JOIN ledger.bodies b ON b.month = l.month AND b.tin = l.tin AND b.log_index = l.log_index
WHERE l.log_index = ANY(:indexes::bigint[]);

-- name: accept
WITH said AS (
    SELECT * FROM unnest(:indexes::bigint[], :ats::timestamptz[], :again::boolean[], :receipts::text[])
        AS s (log_index, at, again, receipt)
), gone AS (
    DELETE FROM taxservice.item i USING said s WHERE i.log_index = s.log_index
    RETURNING i.log_index, i.document_type, i.tin, i.booked_at, i.state, s.at, s.again, s.receipt
), kept AS (
    INSERT INTO taxservice.receipt
    SELECT log_index, document_type, tin, booked_at, at, again, receipt FROM gone ON CONFLICT DO NOTHING
)
SELECT document_type, state, booked_at, at FROM gone;

-- name: decide
UPDATE taxservice.item
SET state = :state, tries = :tries, next_at = :next_at, decided_at = :at, code = :code, reason = :reason
WHERE log_index = :log_index AND attempt = :attempt AND state = 'sent';

-- name: resend
WITH dead AS (
    SELECT log_index, state FROM taxservice.item
    WHERE next_at IS NULL AND (:log_index::bigint IS NULL OR log_index = :log_index)
      AND (:types::integer[] IS NULL OR document_type = ANY(:types))
      AND NOT document_type = ANY(:but::integer[])
    ORDER BY log_index LIMIT :limit FOR UPDATE
)
UPDATE taxservice.item i SET state = 'resent', tries = 0, resends = i.resends + 1, next_at = :at
FROM dead WHERE i.log_index = dead.log_index
RETURNING i.log_index, dead.state, i.document_type, i.booked_at, i.tin;

-- name: dead
SELECT log_index, document_type, tin, state, booked_at, decided_at, tries, code, reason FROM taxservice.item
WHERE next_at IS NULL AND (:types::integer[] IS NULL OR document_type = ANY(:types))
  AND NOT document_type = ANY(:but::integer[]) AND log_index > :after
ORDER BY log_index LIMIT :limit;

-- name: act_for
SELECT set_config('tallystick.taxpayers', :taxpayers::text[]::text, true);

-- name: own_since
SELECT d.seq, d.log_index, i.se_total, q.state, q.decided_at, q.code, q.reason, a.accepted_at, a.receipt
FROM ledger.device_links d
JOIN ledger.leaves l ON l.log_index = d.log_index AND get_byte(l.leaf, 4) = 1
JOIN ledger.records r ON r.month = l.month AND r.tin = l.tin AND r.log_index = l.log_index
CROSS JOIN LATERAL (SELECT (convert_from(r.record, 'UTF8')::json ->> 'se_total')::bigint AS se_total) i
LEFT JOIN taxservice.item q ON q.log_index = d.log_index
LEFT JOIN taxservice.receipt a ON a.log_index = d.log_index
WHERE d.signed_by = :signed_by AND d.requested_by = :requested_by AND d.seq > :after
  AND d.log_index < coalesce((SELECT max(tree_size) FROM ledger.checkpoints), 0)
ORDER BY d.seq LIMIT :limit;

-- name: own_by_number
SELECT (convert_from(r.record, 'UTF8')::json ->> 'device_seq')::bigint, i.log_index, i.se_total, q.state, q.decided_at,
       q.code, q.reason, a.accepted_at, a.receipt
FROM ledger.identity i
JOIN ledger.records r ON r.month = i.month AND r.tin = i.tin AND r.log_index = i.log_index
LEFT JOIN taxservice.item q ON q.log_index = i.log_index
LEFT JOIN taxservice.receipt a ON a.log_index = i.log_index
WHERE i.signed_by = :signed_by AND i.requested_by = :requested_by AND i.se_total = :ordinal AND i.signed_by <> ''
  AND i.log_index < coalesce((SELECT max(tree_size) FROM ledger.checkpoints), 0);

-- name: totals
SELECT document_type, state, items FROM taxservice.total WHERE items <> 0;

-- name: minutes_since
SELECT document_type, state, sum(items)::bigint FROM taxservice.minute WHERE minute >= :minute
GROUP BY document_type, state HAVING sum(items) <> 0;

-- name: days
SELECT day, operations, registers, points, accepted, accepted_ms FROM taxservice.day
WHERE day BETWEEN :first AND :last ORDER BY day;

-- name: next_booked_at
SELECT booked_at FROM taxservice.item WHERE next_at IS NOT NULL ORDER BY next_at, log_index LIMIT 1;
