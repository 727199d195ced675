-- name: find_register
SELECT uid, device_class, sequence, link, last_ms, state, memory_record, contact_ms, stopped FROM register;

-- name: add_register
INSERT INTO register (id, uid, device_class, state) VALUES (1, :uid, :device_class, :state);

-- name: move_head
UPDATE register SET sequence = :sequence, link = :link, last_ms = :last_ms, state = :state,
    memory_record = max(memory_record, :memory_record);

-- name: set_genesis
UPDATE register SET link = :link WHERE sequence = 0;

-- name: set_stopped
UPDATE register SET stopped = :reason;

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
SELECT sequence, compact, time_ms, kind, memory_record FROM document WHERE log_index IS NULL ORDER BY sequence LIMIT :most;

-- name: waiting_count
SELECT count(*), min(time_ms) FROM document WHERE log_index IS NULL;

-- name: set_booked
UPDATE document SET log_index = :log_index, booked_ms = :at_ms WHERE sequence = :sequence AND log_index IS NULL;

-- name: late
SELECT sequence, answer FROM document WHERE is_shown = 0 ORDER BY sequence;

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

-- name: drop_intents
DELETE FROM intent WHERE sequence <= :sequence;

-- name: add_outage
INSERT OR REPLACE INTO outage (began_ms, ended_ms) VALUES (:began_ms, :ended_ms);

-- name: outages
SELECT began_ms, ended_ms FROM outage WHERE ended_ms > :since_ms ORDER BY began_ms;

-- name: drop_outages
DELETE FROM outage WHERE ended_ms <= :before_ms;
