-- Every statement of the ledger. The first part is the sequencer's, the second what may be asked, the third the sweep's,
-- the last the export's.

-- name: raise_epoch
UPDATE ledger.lease SET epoch = epoch + 1, holder = :holder, taken_at_ms = :now_ms RETURNING epoch;

-- name: try_writer_lock
SELECT pg_try_advisory_lock(:number);

-- name: is_in_recovery
SELECT pg_is_in_recovery();

-- name: ensure_month
SELECT ledger.ensure_month(:month);

-- name: hold_lease
SELECT epoch FROM ledger.lease FOR SHARE;

-- name: close_batch
WITH device AS (
    INSERT INTO ledger.device_heads
    SELECT * FROM unnest(:d_signed::text[], :d_requested::text[], :d_tin::text[], :d_seq::bigint[], :d_link::bytea[],
                         :d_highest::bigint[], :d_missing::bigint[], :d_total::bigint[], :d_certificate::bytea[],
                         :d_registration::bigint[])
    ON CONFLICT (signed_by, requested_by) DO UPDATE
    SET seq = excluded.seq, link = excluded.link, highest_ordinal = excluded.highest_ordinal,
        missing = excluded.missing, total = excluded.total
), hole AS (
    INSERT INTO ledger.holes
    SELECT * FROM unnest(:h_signed::text[], :h_requested::text[], :h_last::bigint[], :h_first::bigint[])
    ON CONFLICT (signed_by, requested_by, last_ordinal) DO UPDATE SET first_ordinal = excluded.first_ordinal
), taxpayer AS (
    INSERT INTO ledger.taxpayer_heads
    SELECT * FROM unnest(:t_tin::text[], :t_seq::bigint[], :t_link::bytea[], :t_total::bigint[], :t_salt::bytea[])
    ON CONFLICT (tin) DO UPDATE SET seq = excluded.seq, link = excluded.link, total = excluded.total
), kind AS (
    INSERT INTO ledger.type_heads
    SELECT * FROM unnest(:y_type::integer[], :y_seq::bigint[], :y_link::bytea[], :y_total::bigint[])
    ON CONFLICT (document_type) DO UPDATE SET seq = excluded.seq, link = excluded.link, total = excluded.total
), day AS (
    INSERT INTO ledger.day_heads
    SELECT * FROM unnest(:z_day::integer[], :z_seq::bigint[], :z_link::bytea[], :z_total::bigint[])
    ON CONFLICT (day) DO UPDATE SET seq = excluded.seq, link = excluded.link, total = excluded.total
), tile AS (
    INSERT INTO ledger.tiles
    SELECT * FROM unnest(:m_level::smallint[], :m_index::bigint[], :m_hashes::bytea[], :m_root::bytea[])
), signed AS (
    INSERT INTO ledger.checkpoints SELECT * FROM unnest(:c_size::bigint[], :c_note::bytea[])
)
INSERT INTO ledger.tree_state (batch, tree_size, root, right_edge, epoch, closed_at_ms, total_bytes, waits)
VALUES (:batch, :tree_size, :root, :right_edge, :epoch, :closed_at_ms, :total_bytes, :waits);

-- name: store_checkpoint
INSERT INTO ledger.checkpoints
SELECT :tree_size, :note FROM (SELECT epoch FROM ledger.lease FOR SHARE) AS held WHERE epoch = :epoch
ON CONFLICT (tree_size) DO NOTHING;

-- name: find_known
SELECT signed_by, se_total, requested_by, act_hash, body_hash, log_index, verdict
FROM ledger.identity
WHERE (signed_by, se_total) IN (SELECT * FROM unnest(:signed::text[], :ordinals::bigint[]))
UNION ALL
SELECT signed_by, se_total, requested_by, act_hash, body_hash, log_index, verdict
FROM ledger.identity
WHERE signed_by = '' AND se_total = 0 AND act_hash = ANY(:events::bytea[]);

-- name: load_tree_state
SELECT batch, tree_size, root, right_edge, epoch, total_bytes, closed_at_ms FROM ledger.tree_state ORDER BY batch DESC LIMIT 1;

-- name: load_device_heads
SELECT requested_by, signed_by, tin, link, certificate_hash, registration_index, seq, total, highest_ordinal
FROM ledger.device_heads;

-- name: load_holes
SELECT requested_by, signed_by, first_ordinal, last_ordinal FROM ledger.holes
WHERE first_ordinal <= last_ordinal ORDER BY signed_by, requested_by, last_ordinal;

-- name: load_taxpayer_heads
SELECT tin, seq, link, total, salt FROM ledger.taxpayer_heads;

-- name: load_type_heads
SELECT document_type, seq, link, total FROM ledger.type_heads;

-- name: load_day_heads
SELECT day, seq, link, total FROM ledger.day_heads;

-- name: ledger_rows_beyond
SELECT count(*) FROM ledger.leaves WHERE log_index >= :tree_size;

-- name: leaves_between
SELECT leaf FROM ledger.leaves WHERE log_index >= :start AND log_index < :end ORDER BY log_index;

-- name: tile_roots_between
SELECT root FROM ledger.tiles WHERE level = :level AND tile_index >= :start AND tile_index < :end ORDER BY tile_index;

-- name: tile_hashes
SELECT hashes FROM ledger.tiles WHERE level = :level AND tile_index = :tile_index;

-- name: buyer_salts_between
SELECT log_index, salt FROM ledger.buyer_salts WHERE log_index >= :start AND log_index < :end;

-- name: entries_between
SELECT l.log_index, l.leaf, r.salt, r.record, b.media_type, b.body
FROM ledger.leaves l
LEFT JOIN ledger.records r ON r.month = l.month AND r.tin = l.tin AND r.log_index = l.log_index
LEFT JOIN ledger.bodies b ON b.month = l.month AND b.tin = l.tin AND b.log_index = l.log_index
WHERE l.log_index >= :start AND l.log_index < :end ORDER BY l.log_index;

-- name: document_by_number
SELECT i.log_index, i.verdict, i.act_hash, i.body_hash, b.media_type, b.body, r.salt, r.record, l.leaf,
       i.log_index < coalesce((SELECT max(tree_size) FROM ledger.checkpoints), 0) AS acked
FROM ledger.identity i
JOIN ledger.leaves l ON l.log_index = i.log_index
LEFT JOIN ledger.bodies b ON b.month = i.month AND b.tin = i.tin AND b.log_index = i.log_index
LEFT JOIN ledger.records r ON r.month = i.month AND r.tin = i.tin AND r.log_index = i.log_index
WHERE i.signed_by = :signed_by AND i.requested_by = :requested_by AND i.se_total = :ordinal AND i.signed_by <> '';

-- name: documents_between
SELECT i.se_total, i.log_index, i.act_hash, r.record,
       i.log_index < coalesce((SELECT max(tree_size) FROM ledger.checkpoints), 0) AS acked
FROM ledger.identity i
LEFT JOIN ledger.records r ON r.month = i.month AND r.tin = i.tin AND r.log_index = i.log_index
WHERE i.signed_by = :signed_by AND i.requested_by = :requested_by AND i.se_total BETWEEN :first AND :last
  AND i.signed_by <> ''
ORDER BY i.se_total;

-- name: document_by_index
SELECT l.log_index, b.media_type, b.body, r.salt, r.record, l.leaf,
       l.log_index < coalesce((SELECT max(tree_size) FROM ledger.checkpoints), 0) AS acked
FROM ledger.leaves l
LEFT JOIN ledger.bodies b ON b.month = l.month AND b.tin = l.tin AND b.log_index = l.log_index
LEFT JOIN ledger.records r ON r.month = l.month AND r.tin = l.tin AND r.log_index = l.log_index
WHERE l.log_index = :log_index;

-- name: first_index_beyond
SELECT min(log_index) FROM ledger.identity WHERE signed_by = :signed_by AND se_total > :ordinal AND signed_by <> '';

-- name: device_standing
SELECT seq, highest_ordinal, missing, total, registration_index FROM ledger.device_heads
WHERE signed_by = :signed_by AND requested_by = :requested_by;

-- name: device_head
SELECT seq, link FROM ledger.device_heads WHERE signed_by = :signed_by AND requested_by = :requested_by;

-- name: device_documents
SELECT d.seq, d.link, b.body, r.record
FROM ledger.device_links d
JOIN ledger.leaves l ON l.log_index = d.log_index
LEFT JOIN ledger.bodies b ON b.month = l.month AND b.tin = l.tin AND b.log_index = l.log_index
LEFT JOIN ledger.records r ON r.month = l.month AND r.tin = l.tin AND r.log_index = l.log_index
WHERE d.signed_by = :signed_by AND d.requested_by = :requested_by AND d.seq <= :up_to
ORDER BY d.seq DESC LIMIT :limit;

-- name: device_records
SELECT d.seq, r.record
FROM ledger.device_links d
JOIN ledger.leaves l ON l.log_index = d.log_index
LEFT JOIN ledger.records r ON r.month = l.month AND r.tin = l.tin AND r.log_index = l.log_index
WHERE d.signed_by = :uid AND d.requested_by = :uid AND d.seq > :after
ORDER BY d.seq LIMIT :limit;

-- name: missing_ordinals
SELECT first_ordinal, last_ordinal FROM ledger.holes
WHERE signed_by = :signed_by AND requested_by = :requested_by AND first_ordinal <= last_ordinal
ORDER BY last_ordinal LIMIT :limit;

-- name: day_length
SELECT seq FROM ledger.day_heads WHERE day = :day;

-- name: day_entries
SELECT z.seq, z.link, r.record
FROM ledger.day_links z
JOIN ledger.leaves l ON l.log_index = z.log_index
LEFT JOIN ledger.records r ON r.month = l.month AND r.tin = l.tin AND r.log_index = l.log_index
WHERE z.day = :day AND z.seq > :after AND z.seq <= :last ORDER BY z.seq LIMIT :limit;

-- name: newest_checkpoint
SELECT note FROM ledger.checkpoints ORDER BY tree_size DESC LIMIT 1;

-- name: newest_head
SELECT c.tree_size, c.note, s.right_edge
FROM ledger.checkpoints c LEFT JOIN ledger.tree_state s ON s.tree_size = c.tree_size
ORDER BY c.tree_size DESC LIMIT 1;

-- name: tiles_of
SELECT t.level, t.tile_index, t.hashes
FROM unnest(:levels::smallint[], :indexes::bigint[]) AS w (level, tile_index)
JOIN ledger.tiles t ON t.level = w.level AND t.tile_index = w.tile_index;

-- name: right_edge_of
SELECT right_edge FROM ledger.tree_state WHERE tree_size = :tree_size;

-- name: checkpoint_of
SELECT note FROM ledger.checkpoints WHERE tree_size = :tree_size;

-- name: checkpoint_between
SELECT tree_size FROM ledger.checkpoints WHERE tree_size >= :start AND tree_size < :end LIMIT 1;

-- name: acked_size
SELECT tree_size FROM ledger.checkpoints ORDER BY tree_size DESC LIMIT 1;

-- name: recent_batches
SELECT tree_size, total_bytes, closed_at_ms, waits FROM ledger.tree_state ORDER BY batch DESC LIMIT :limit;

-- name: count_missing
SELECT coalesce(sum(missing), 0)::bigint, count(*) FROM ledger.device_heads;

-- name: repeatable_read
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;

-- name: count_leaves_to_newest
SELECT max(log_index)::numeric + 1 FROM ledger.leaves;

-- name: newest_checkpoint_size
SELECT max(tree_size) FROM ledger.checkpoints;

-- name: sweep_device_heads
SELECT signed_by, requested_by, seq, link, total, ''::bytea, highest_ordinal, missing, certificate_hash,
       registration_index, tin
FROM ledger.device_heads;

-- name: sweep_taxpayer_heads
SELECT tin, seq, link, total, salt FROM ledger.taxpayer_heads;

-- name: sweep_type_heads
SELECT document_type, seq, link, total FROM ledger.type_heads;

-- name: sweep_day_heads
SELECT day, seq, link, total FROM ledger.day_heads;

-- name: sweep_entries
SELECT l.log_index, l.leaf, l.tin, r.salt, r.record, b.media_type, b.body
FROM ledger.leaves l
LEFT JOIN ledger.records r ON r.month = l.month AND r.tin = l.tin AND r.log_index = l.log_index
LEFT JOIN ledger.bodies b ON b.month = l.month AND b.tin = l.tin AND b.log_index = l.log_index
WHERE l.log_index >= :start AND l.log_index < :end ORDER BY l.log_index;

-- name: may_see_salts
SELECT has_column_privilege('ledger.buyer_salts', 'salt', 'SELECT');

-- name: sweep_entries_with_salts
SELECT l.log_index, l.leaf, l.tin, r.salt, r.record, b.media_type, b.body, s.salt
FROM ledger.leaves l
LEFT JOIN ledger.records r ON r.month = l.month AND r.tin = l.tin AND r.log_index = l.log_index
LEFT JOIN ledger.bodies b ON b.month = l.month AND b.tin = l.tin AND b.log_index = l.log_index
LEFT JOIN ledger.buyer_salts s ON s.log_index = l.log_index
WHERE l.log_index >= :start AND l.log_index < :end ORDER BY l.log_index;

-- name: sweep_device_links
SELECT d.signed_by, d.requested_by, d.seq, d.body_hash, d.link, d.log_index
FROM unnest(:key0::text[], :key1::text[], :seqs::bigint[]) AS w (signed_by, requested_by, seq)
JOIN ledger.device_links d ON d.signed_by = w.signed_by AND d.requested_by = w.requested_by AND d.seq = w.seq;

-- name: sweep_taxpayer_links
SELECT t.tin, t.seq, t.body_hash, t.link, t.log_index
FROM unnest(:key0::text[], :seqs::bigint[]) AS w (tin, seq)
JOIN ledger.taxpayer_links t ON t.tin = w.tin AND t.seq = w.seq;

-- name: sweep_type_links
SELECT y.document_type, y.seq, y.body_hash, y.link, y.log_index
FROM unnest(:key0::bigint[], :seqs::bigint[]) AS w (document_type, seq)
JOIN ledger.type_links y ON y.document_type = w.document_type AND y.seq = w.seq;

-- name: sweep_day_links
SELECT z.day, z.seq, z.body_hash, z.link, z.log_index, z.total
FROM unnest(:key0::bigint[], :seqs::bigint[]) AS w (day, seq)
JOIN ledger.day_links z ON z.day = w.day AND z.seq = w.seq;

-- name: page_device_links
SELECT signed_by, requested_by, seq, body_hash, link, log_index FROM ledger.device_links
WHERE (signed_by, requested_by, seq) > (:key0::text, :key1::text, :seq::bigint)
ORDER BY signed_by, requested_by, seq LIMIT :limit;

-- name: page_taxpayer_links
SELECT tin, seq, body_hash, link, log_index FROM ledger.taxpayer_links
WHERE (tin, seq) > (:key0::text, :seq::bigint) ORDER BY tin, seq LIMIT :limit;

-- name: page_type_links
SELECT document_type, seq, body_hash, link, log_index FROM ledger.type_links
WHERE (document_type, seq) > (:key0::integer, :seq::bigint) ORDER BY document_type, seq LIMIT :limit;

-- name: page_day_links
SELECT day, seq, body_hash, link, log_index, total FROM ledger.day_links
WHERE (day, seq) > (:key0::integer, :seq::bigint) ORDER BY day, seq LIMIT :limit;

-- name: sweep_identity
SELECT i.signed_by, i.requested_by, i.se_total, i.log_index, i.act_hash, i.body_hash, i.verdict, i.month, i.tin
FROM unnest(:signed::text[], :requested::text[], :ordinals::bigint[]) AS w (signed_by, requested_by, se_total)
JOIN ledger.identity i
    ON i.signed_by = w.signed_by AND i.requested_by = w.requested_by AND i.se_total = w.se_total AND i.signed_by <> '';

-- name: sweep_events
SELECT log_index, act_hash, body_hash, verdict, month, tin FROM ledger.identity
WHERE signed_by = '' AND se_total = 0 AND act_hash = ANY(:hashes::bytea[]);

-- name: page_identity
SELECT signed_by, requested_by, se_total, log_index FROM ledger.identity
WHERE signed_by <> '' AND (signed_by, requested_by, se_total) > (:signed_by::text, :requested_by::text, :ordinal::bigint)
ORDER BY signed_by, requested_by, se_total LIMIT :limit;

-- name: sweep_tiles
SELECT tile_index, hashes, root FROM ledger.tiles
WHERE level = :level AND tile_index >= :start AND tile_index < :end;

-- name: sweep_tree_states
SELECT batch, tree_size, root FROM ledger.tree_state WHERE tree_size > :start AND tree_size <= :end;

-- name: sweep_checkpoints
SELECT tree_size, note FROM ledger.checkpoints WHERE tree_size > :start AND tree_size <= :end;

-- name: sweep_counts
SELECT (SELECT count(*) FROM ledger.leaves WHERE log_index < :end),
       (SELECT count(*) FROM ledger.records WHERE log_index < :end),
       (SELECT count(*) FROM ledger.bodies WHERE log_index < :end),
       (SELECT count(*) FROM ledger.identity WHERE log_index < :end),
       (SELECT count(*) FROM ledger.device_links WHERE log_index < :end),
       (SELECT count(*) FROM ledger.taxpayer_links WHERE log_index < :end),
       (SELECT count(*) FROM ledger.type_links WHERE log_index < :end),
       (SELECT count(*) FROM ledger.day_links WHERE log_index < :end),
       (SELECT count(*) FROM ledger.tiles WHERE (tile_index::numeric + 1) * 256::numeric ^ (level + 1) <= :end);

-- name: heads_between
SELECT tree_size, root FROM ledger.tree_state
WHERE batch >= coalesce(
        (SELECT batch FROM ledger.tree_state WHERE closed_at_ms < :first_ms ORDER BY batch DESC LIMIT 1), 0)
  AND closed_at_ms <= :last_ms;

-- name: erasure_orders
SELECT y.log_index, b.body
FROM ledger.type_links y
JOIN ledger.leaves l ON l.log_index = y.log_index
JOIN ledger.bodies b ON b.month = l.month AND b.tin = l.tin AND b.log_index = l.log_index
WHERE y.document_type = :kind ORDER BY y.seq;

-- name: export_head
SELECT tree_size, note FROM ledger.checkpoints WHERE tree_size > :start AND tree_size <= :end
ORDER BY tree_size DESC LIMIT 1;

-- name: export_entries_at
SELECT l.log_index, l.leaf, l.tin, r.salt, r.record, b.media_type, b.body, s.salt
FROM ledger.leaves l
LEFT JOIN ledger.records r ON r.month = l.month AND r.tin = l.tin AND r.log_index = l.log_index
LEFT JOIN ledger.bodies b ON b.month = l.month AND b.tin = l.tin AND b.log_index = l.log_index
LEFT JOIN ledger.buyer_salts s ON s.log_index = l.log_index
WHERE l.log_index = ANY(:indexes::bigint[]) ORDER BY l.log_index;

-- name: export_by_taxpayer
SELECT seq, log_index FROM ledger.taxpayer_links WHERE tin = :tin AND seq > :after AND log_index < :size
ORDER BY seq LIMIT :limit;

-- name: export_by_device
SELECT seq, log_index FROM ledger.device_links
WHERE signed_by = :signed_by AND requested_by = :requested_by AND seq > :after AND log_index < :size
ORDER BY seq LIMIT :limit;

-- name: export_by_day
SELECT seq, log_index FROM ledger.day_links WHERE day = :day AND seq > :after AND log_index < :size
ORDER BY seq LIMIT :limit;

-- name: export_registrations
SELECT d.registration_index FROM ledger.device_heads d
WHERE (d.tin = :tin OR (d.signed_by = :signed_by AND d.requested_by = :requested_by))
  AND d.registration_index < :size ORDER BY 1;

-- name: export_tombstones
SELECT DISTINCT media_type FROM ledger.bodies
WHERE log_index = ANY(:indexes) AND media_type LIKE 'application/vnd.tallystick.erased;%' AND body = '';

-- name: export_certificates
SELECT d.signed_by, b.body FROM ledger.device_heads d
JOIN ledger.leaves l ON l.log_index = d.registration_index
JOIN ledger.bodies b ON b.month = l.month AND b.tin = l.tin AND b.log_index = l.log_index
WHERE d.signed_by = d.requested_by AND d.signed_by = ANY(:uids::text[]) ORDER BY 1;

-- name: export_salts
SELECT tin, salt FROM ledger.taxpayer_heads WHERE tin = ANY(:tins::text[]);

-- name: read_only
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
