-- name: find_register
SELECT uid, device_class, sequence, link, last_ms, state, memory_record, contact_ms, stopped, barred FROM register;

-- name: known_documents
SELECT sequence, booked_ms IS NULL FROM document ORDER BY sequence;

-- name: add_register
INSERT INTO register (id, uid, device_class, state) VALUES (1, :uid, :device_class, :state);

-- name: move_head
UPDATE register SET sequence = :sequence, link = :link, last_ms = :last_ms, state = :state,
    memory_record = max(memory_record, :memory_record);

-- name: set_genesis
UPDATE register SET link = :link WHERE sequence = 0;

-- name: set_stopped
UPDATE register SET stopped = :reason;

-- name: set_barred
UPDATE register SET barred = :reason;

-- name: note_contact
UPDATE register SET contact_ms = max(contact_ms, :at_ms);

-- name: add_document
INSERT INTO document (sequence, kind, time_ms, total, refers_to, compact, link, answer, request_id, request_hash,
    log_index, booked_ms, memory_record, is_shown)
VALUES (:sequence, :kind, :time_ms, :total, :refers_to, :compact, :link, :answer, :request_id, :request_hash,
    :log_index, :booked_ms, :memory_record, :is_shown);

-- name: find_answer
SELECT request_hash, answer, sequence FROM document WHERE request_id = :request_id;

-- name: find_document
SELECT compact, answer, log_index FROM document WHERE sequence = :sequence;

-- name: given_back
SELECT coalesce(sum(total), 0) FROM document WHERE refers_to = :sequence AND total < 0;

-- name: documents
SELECT sequence, compact FROM document WHERE sequence > :after ORDER BY sequence LIMIT :most;

-- name: booked_after
SELECT sequence, compact FROM document WHERE sequence > :after AND log_index IS NOT NULL ORDER BY sequence LIMIT :most;

-- name: newest
SELECT sequence, kind, time_ms, total, answer, log_index FROM document ORDER BY sequence DESC LIMIT :most;

-- name: waiting
SELECT sequence, compact, time_ms, kind, memory_record FROM document WHERE booked_ms IS NULL ORDER BY sequence LIMIT :most;

-- name: waiting_count
SELECT count(*), min(time_ms) FROM document WHERE booked_ms IS NULL;

-- name: set_booked
UPDATE document SET log_index = :log_index, booked_ms = :at_ms WHERE sequence = :sequence AND booked_ms IS NULL;

-- name: late
SELECT sequence, answer FROM document WHERE is_shown = 0 ORDER BY sequence LIMIT :most;

-- name: late_count
SELECT count(*) FROM document WHERE is_shown = 0;

-- name: set_shown
UPDATE document SET is_shown = 1 WHERE sequence = :sequence AND is_shown = 0;

-- name: add_intent
INSERT INTO intent (sequence, compact, change, request_id, request_hash)
VALUES (:sequence, :compact, :change, :request_id, :request_hash);

-- name: open_intent
SELECT id, sequence, compact, change, request_id, request_hash FROM intent WHERE state = 0;

-- name: void_intents_of
SELECT id, sequence, compact, change, request_id, request_hash FROM intent
WHERE state = 1 AND sequence = :sequence ORDER BY id;

-- name: void_intent
UPDATE intent SET state = 1, cause = :cause WHERE id = :id;

-- name: forget_intent
DELETE FROM intent WHERE id = :id;

-- name: forget_old_voids
DELETE FROM intent WHERE state = 1 AND sequence = :sequence AND id NOT IN (
    SELECT id FROM intent WHERE state = 1 AND sequence = :sequence ORDER BY id DESC LIMIT :most);

-- name: drop_intents
DELETE FROM intent WHERE sequence <= :sequence;

-- name: add_outage
INSERT OR REPLACE INTO outage (began_ms, ended_ms) VALUES (:began_ms, :ended_ms);

-- name: outages
SELECT began_ms, ended_ms FROM outage WHERE ended_ms > :since_ms ORDER BY began_ms;

-- name: drop_outages
DELETE FROM outage WHERE ended_ms <= :before_ms;

-- name: settle_records
UPDATE document SET booked_ms = :at_ms WHERE booked_ms IS NULL AND memory_record BETWEEN 1 AND :record;

-- name: unsettle
UPDATE document SET booked_ms = NULL, log_index = NULL WHERE sequence >= :sequence;

-- name: settle_range
UPDATE document SET booked_ms = :at_ms WHERE booked_ms IS NULL AND sequence BETWEEN :first AND :last;

-- name: place_of
SELECT link, memory_record FROM document WHERE sequence = :sequence;

-- name: documents_between
SELECT sequence, compact FROM document WHERE sequence BETWEEN :first AND :last ORDER BY sequence LIMIT :most;

-- name: bytes_between
SELECT coalesce(sum(length(compact) + 1), 0) FROM document WHERE sequence BETWEEN :first AND :last;

-- name: reports
SELECT sequence FROM document
WHERE kind IN ('shift-closing', 'settlement-status', 'registration', 're-registration', 'memory-closure')
  AND sequence BETWEEN :first AND :last
ORDER BY sequence DESC LIMIT :most;

-- name: newest_report_time
SELECT time_ms FROM document
WHERE kind IN ('shift-closing', 'settlement-status', 'registration', 're-registration', 'memory-closure')
ORDER BY sequence DESC LIMIT 1;

-- name: batch_on_its_way
SELECT batch_id, first, state, last, manifest, receipt FROM batch WHERE state < 3;

-- name: add_batch
INSERT INTO batch (batch_id, first) VALUES (:batch_id, :first) ON CONFLICT (batch_id)
DO UPDATE SET state = 0, last = NULL, manifest = NULL, receipt = NULL;

-- name: seal_batch
UPDATE batch SET state = 1, last = :last, manifest = :manifest WHERE batch_id = :batch_id AND state = 0;

-- name: receive_batch
UPDATE batch SET state = 2, last = :last, receipt = :receipt WHERE batch_id = :batch_id AND state < 2;

-- name: end_batch
UPDATE batch SET state = 3 WHERE batch_id = :batch_id;

-- name: drop_batch
DELETE FROM batch WHERE batch_id = :batch_id;

-- name: newest_receipt
SELECT receipt FROM batch WHERE receipt IS NOT NULL ORDER BY rowid DESC LIMIT 1;

-- name: batch_parts
SELECT number, first, last, sha256, is_there FROM batch_part WHERE batch_id = :batch_id ORDER BY number;

-- name: add_batch_part
INSERT INTO batch_part (batch_id, number, first, last, sha256, is_there)
VALUES (:batch_id, :number, :first, :last, :sha256, :is_there);

-- name: set_part_there
UPDATE batch_part SET is_there = :is_there WHERE batch_id = :batch_id AND number = :number;

-- name: drop_batch_parts
DELETE FROM batch_part WHERE batch_id = :batch_id;
