-- name: add_batch
INSERT INTO production.batch (profile, order_hash, ordered, blanks, years, asked_by, asked_at)
VALUES (:profile, :order_hash, :ordered, :blanks, :years, :asked_by, :at)
ON CONFLICT (order_hash) WHERE state <> 'refused' DO NOTHING
RETURNING batch_id;

-- name: add_line
INSERT INTO production.order_line (batch_id, line, tin, business_name, location_name, address, district, city,
    given_name, surname, limit_amount, form_factor)
VALUES (:batch_id, :line, :tin, :business_name, :location_name, :address, :district, :city, :given_name, :surname,
    :limit_amount, :form_factor);

-- name: note_request
UPDATE production.batch SET request_id = :request_id WHERE batch_id = :batch_id;

-- name: batch
SELECT batch_id, profile, order_hash, ordered, blanks, years, state, request_id, asked_by, opened_by, opened_at,
       closed_at
FROM production.batch WHERE batch_id = :batch_id;

-- name: lock_batch
SELECT batch_id, profile, order_hash, ordered, blanks, years, state, request_id, asked_by, opened_by, opened_at,
       closed_at
FROM production.batch WHERE batch_id = :batch_id FOR UPDATE;

-- name: batches
SELECT batch_id, profile, order_hash, ordered, blanks, years, state, request_id, asked_by, opened_by, opened_at,
       closed_at
FROM production.batch ORDER BY batch_id DESC LIMIT :limit;

-- name: open_batch
UPDATE production.batch SET state = 'open', opened_by = :opened_by, opened_at = :at
WHERE batch_id = :batch_id AND state = 'asked';

-- name: refuse_batch
UPDATE production.batch SET state = 'refused' WHERE batch_id = :batch_id AND state = 'asked';

-- name: close_batch
UPDATE production.batch
SET state = 'closed', closed_by = :closed_by, closed_at = :at, counted_good = :good, counted_spoilt = :spoilt,
    counted_left = :left
WHERE batch_id = :batch_id AND state = 'open';

-- name: hold_run
SELECT pg_try_advisory_lock(:lock_class, :batch_id::integer);

-- name: release_run
SELECT pg_advisory_unlock(:lock_class, :batch_id::integer);

-- name: counts
SELECT state, spoilt_at IS NOT NULL, count(*) FROM production.module WHERE batch_id = :batch_id GROUP BY 1, 2;

-- name: lines_to_make
SELECT l.line FROM production.order_line l
LEFT JOIN production.module m ON m.batch_id = l.batch_id AND m.line = l.line AND m.spoilt_at IS NULL
WHERE l.batch_id = :batch_id
  AND (m.state IS NULL OR m.state IN ('blank', 'installed', 'numbered', 'keyed', 'certified', 'personalised'))
ORDER BY l.line;

-- name: take_blank
INSERT INTO production.module (batch_id, line, slot, taken_at, changed_at)
SELECT :batch_id, :line, coalesce(max(slot), 0) + 1, :at, :at FROM production.module WHERE batch_id = :batch_id
RETURNING module_id;

-- name: module_of_line
SELECT m.module_id, m.batch_id, m.line, m.slot, m.state, m.number, l.tin, l.business_name, l.location_name, l.address,
       l.district, l.city, l.given_name, l.surname, l.limit_amount, l.form_factor, m.controller, m.certificate,
       m.client_certificate, m.letter_printed_at IS NOT NULL, m.visual_printed_at IS NOT NULL, m.spoilt_because,
       m.place, m.changed_at
FROM production.module m JOIN production.order_line l USING (batch_id, line)
WHERE m.batch_id = :batch_id AND m.line = :line AND m.spoilt_at IS NULL;

-- name: module
SELECT m.module_id, m.batch_id, m.line, m.slot, m.state, m.number, l.tin, l.business_name, l.location_name, l.address,
       l.district, l.city, l.given_name, l.surname, l.limit_amount, l.form_factor, m.controller, m.certificate,
       m.client_certificate, m.letter_printed_at IS NOT NULL, m.visual_printed_at IS NOT NULL, m.spoilt_because,
       m.place, m.changed_at
FROM production.module m JOIN production.order_line l USING (batch_id, line)
WHERE m.module_id = :module_id;

-- name: lock_module
SELECT m.module_id, m.batch_id, m.line, m.slot, m.state, m.number, l.tin, l.business_name, l.location_name, l.address,
       l.district, l.city, l.given_name, l.surname, l.limit_amount, l.form_factor, m.controller, m.certificate,
       m.client_certificate, m.letter_printed_at IS NOT NULL, m.visual_printed_at IS NOT NULL, m.spoilt_because,
       m.place, m.changed_at
FROM production.module m JOIN production.order_line l USING (batch_id, line)
WHERE m.module_id = :module_id FOR UPDATE OF m;

-- name: module_by_number
SELECT module_id FROM production.module WHERE number = :number;

-- name: modules
SELECT m.module_id, m.batch_id, m.line, m.slot, m.state, m.number, l.tin, l.business_name, l.location_name, l.address,
       l.district, l.city, l.given_name, l.surname, l.limit_amount, l.form_factor, m.controller, m.certificate,
       m.client_certificate, m.letter_printed_at IS NOT NULL, m.visual_printed_at IS NOT NULL, m.spoilt_because,
       m.place, m.changed_at
FROM production.module m JOIN production.order_line l USING (batch_id, line)
WHERE m.batch_id = :batch_id AND (:state::text IS NULL OR m.state = :state)
ORDER BY m.line, m.slot LIMIT :limit OFFSET :skip;

-- name: set_state
UPDATE production.module SET state = :state, changed_at = :at WHERE module_id = :module_id AND state = :before;

-- name: note_hardware
UPDATE production.module SET controller = :controller, protocols = :protocols, tested = :tested
WHERE module_id = :module_id;

-- name: give_number
INSERT INTO production.number (number, module_id, assigned_at) VALUES (:number, :module_id, :at)
ON CONFLICT (number) DO NOTHING;

-- name: note_number
UPDATE production.module SET number = :number WHERE module_id = :module_id;

-- name: add_key
INSERT INTO production.public_key (key_hash, module_id, use, spki, received_at)
VALUES (:key_hash, :module_id, :use, :spki, :at)
ON CONFLICT (key_hash) DO NOTHING;

-- name: keys
SELECT use, spki FROM production.public_key WHERE module_id = :module_id;

-- name: note_certificates
UPDATE production.module SET certificate = :certificate, client_certificate = :client_certificate
WHERE module_id = :module_id;

-- name: seal_pin
UPDATE production.module SET pin_sealed = :pin_sealed WHERE module_id = :module_id AND state = 'certified';

-- name: note_spoilt
UPDATE production.module SET spoilt_at = :at, spoilt_because = :because, pin_sealed = NULL WHERE module_id = :module_id;

-- name: note_place
UPDATE production.module SET place = :place WHERE module_id = :module_id;

-- name: to_print
SELECT module_id FROM production.module
WHERE batch_id = :batch_id AND spoilt_at IS NULL AND state = 'recorded'
  AND CASE :kind WHEN 'visual' THEN visual_printed_at IS NULL ELSE letter_printed_at IS NULL END
ORDER BY line LIMIT :most;

-- name: add_job
INSERT INTO production.print_job (batch_id, kind, modules, reason, made_by, made_at)
VALUES (:batch_id, :kind, :modules, :reason, :made_by, :at)
ON CONFLICT DO NOTHING
RETURNING job_id;

-- name: lock_job
SELECT job_id, batch_id, kind, state = 'done', modules, printed, reason FROM production.print_job
WHERE job_id = :job_id FOR UPDATE;

-- name: open_jobs
SELECT job_id, batch_id, kind, state = 'done', modules, printed, reason FROM production.print_job
WHERE batch_id = :batch_id AND state = 'made' ORDER BY job_id;

-- name: done_job
UPDATE production.print_job SET state = 'done', printed = :printed, done_at = :at
WHERE job_id = :job_id AND state = 'made';

-- name: note_visual
UPDATE production.module SET visual_printed_at = :at WHERE module_id = ANY(:modules) AND visual_printed_at IS NULL;

-- name: note_letters
UPDATE production.module SET letter_printed_at = :at, pin_sealed = NULL
WHERE module_id = ANY(:modules) AND letter_printed_at IS NULL;

-- name: sealed_pins
SELECT module_id, pin_sealed FROM production.module WHERE module_id = ANY(:modules);

-- name: ready_for_stock
SELECT m.module_id FROM production.module m
WHERE m.batch_id = :batch_id AND m.state = 'recorded' AND m.visual_printed_at IS NOT NULL
  AND m.letter_printed_at IS NOT NULL
  AND EXISTS (SELECT 1 FROM production.report r
              WHERE r.module_id = m.module_id AND r.deed = 'record' AND r.state = 'accepted')
ORDER BY m.line;

-- name: is_reported
SELECT EXISTS (SELECT 1 FROM production.report
               WHERE module_id = :module_id AND deed = 'record' AND state = 'accepted');

-- name: add_report
INSERT INTO production.report (module_id, deed, body, next_at) VALUES (:module_id, :deed, :body, :at);

-- name: lock_due_report
SELECT r.report_id, m.number, r.deed, r.body, r.state, r.attempts, r.answer
FROM production.report r JOIN production.module m USING (module_id)
WHERE r.state = 'waiting' AND r.next_at <= :at
  AND NOT EXISTS (SELECT 1 FROM production.report o
                  WHERE o.module_id = r.module_id AND o.report_id < r.report_id AND o.state <> 'accepted')
ORDER BY r.next_at, r.report_id LIMIT 1 FOR UPDATE OF r SKIP LOCKED;

-- name: decide_report
UPDATE production.report SET state = :state, attempts = attempts + 1, answer = :answer, decided_at = :at
WHERE report_id = :report_id;

-- name: delay_report
UPDATE production.report SET attempts = attempts + 1, answer = :answer, next_at = :next_at
WHERE report_id = :report_id;

-- name: repeat_report
UPDATE production.report SET state = 'waiting', decided_at = NULL, next_at = :at
WHERE report_id = :report_id AND state = 'refused';

-- name: reports_of_module
SELECT r.report_id, m.number, r.deed, r.body, r.state, r.attempts, r.answer
FROM production.report r JOIN production.module m USING (module_id)
WHERE r.module_id = :module_id ORDER BY r.report_id;

-- name: report_counts
SELECT r.state, count(*) FROM production.report r JOIN production.module m USING (module_id)
WHERE m.batch_id = :batch_id GROUP BY r.state;

-- name: refused_reports
SELECT r.report_id, m.number, r.deed, r.body, r.state, r.attempts, r.answer
FROM production.report r JOIN production.module m USING (module_id)
WHERE r.state = 'refused' ORDER BY r.report_id LIMIT :limit;
