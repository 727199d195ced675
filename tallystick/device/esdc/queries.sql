-- name: find_store
SELECT format, uid, environment, clean_stop FROM store;

-- name: add_store
INSERT INTO store (only_row, format, uid, environment, clean_stop) VALUES (1, :format, :uid, :environment, 1);

-- name: note_stop
UPDATE store SET clean_stop = :clean;

-- name: newest_signed
SELECT ordinal, time_ms FROM sale WHERE ordinal IS NOT NULL ORDER BY ordinal DESC LIMIT 1;

-- name: add_sale
INSERT INTO sale (state, request_id, request_hash, time_ms, counter_before)
VALUES (1, :request_id, :request_hash, :time_ms, :counter_before);

-- name: add_intent
INSERT INTO intent (sale, request, language, group_id, taxes, sign_request)
VALUES (:sale, :request, :language, :group_id, :taxes, :sign_request);

-- name: set_state
UPDATE sale SET state = :state WHERE sale = :sale;

-- name: keep_sign_answer
UPDATE intent SET sign_answer = :sign_answer WHERE sale = :sale;

-- name: drop_intent
DELETE FROM intent WHERE sale = :sale;

-- name: set_packaged
UPDATE sale SET state = 3, ordinal = :ordinal, package_hash = :package_hash WHERE sale = :sale;

-- name: add_package
INSERT INTO package (ordinal, body) VALUES (:ordinal, :body);

-- name: add_answer
INSERT INTO answer (sale, request_id, request_hash, body)
SELECT sale, request_id, request_hash, :body FROM sale WHERE sale = :sale AND request_id IS NOT NULL;

-- name: drop_old_answers
DELETE FROM answer WHERE sale <= :sale;

-- name: set_answered
UPDATE sale SET state = 4 WHERE sale = :sale AND state = 3;

-- name: find_answer
SELECT body FROM answer WHERE request_id = :request_id AND request_hash = :request_hash ORDER BY sale DESC LIMIT 1;

-- name: newest_answer
SELECT body FROM answer WHERE request_id = :request_id ORDER BY sale DESC LIMIT 1;

-- name: open_intents
SELECT sale.sale, sale.state, sale.request_id, sale.request_hash, intent.request, intent.language, sale.time_ms,
       intent.group_id, intent.taxes, intent.sign_request, sale.counter_before, intent.sign_answer
FROM intent JOIN sale ON sale.sale = intent.sale
WHERE sale.state IN (1, 2) ORDER BY sale.sale;

-- name: set_gap
UPDATE sale SET state = 9, ordinal = :ordinal WHERE sale = :sale;

-- name: add_gap
INSERT INTO gap (ordinal, document, found_ms) VALUES (:ordinal, :document, :found_ms);

-- name: gaps
SELECT ordinal, document FROM gap ORDER BY ordinal;

-- name: waiting
SELECT sale.ordinal, package.body FROM sale JOIN package ON package.ordinal = sale.ordinal
WHERE sale.state IN (3, 4) AND sale.ordinal > :after ORDER BY sale.ordinal LIMIT :most;

-- name: waiting_count
SELECT count(*) FROM sale WHERE state IN (3, 4) AND ordinal IS NOT NULL;

-- name: held
SELECT ordinal, body FROM package WHERE ordinal > :after AND ordinal <= :up_to ORDER BY ordinal LIMIT :most;

-- name: held_ordinals
SELECT ordinal FROM package ORDER BY ordinal;

-- name: signed_ordinals
SELECT ordinal FROM sale WHERE ordinal IS NOT NULL ORDER BY ordinal;

-- name: held_newest
SELECT max(ordinal) FROM package;

-- name: held_count
SELECT count(*) FROM package;

-- name: typical_sale
SELECT (SELECT avg(length(body)) FROM (SELECT body FROM package ORDER BY ordinal DESC LIMIT 100)),
       (SELECT avg(length(body)) FROM (SELECT body FROM answer ORDER BY sale DESC LIMIT 100));

-- name: set_delivered
UPDATE sale SET state = 5, audit_status = :status WHERE ordinal = :ordinal AND state IN (3, 4);

-- name: set_kept
UPDATE sale SET state = 6, audit_status = :status WHERE ordinal = :ordinal AND state IN (3, 4);

-- name: drop_package
DELETE FROM package WHERE ordinal = :ordinal;

-- name: send_again
UPDATE sale SET state = 4 WHERE ordinal BETWEEN :first AND :last AND state IN (5, 6)
AND EXISTS (SELECT 1 FROM package WHERE package.ordinal = sale.ordinal);

-- name: held_between
SELECT ordinal FROM package WHERE ordinal BETWEEN :first AND :last;

-- name: settled_between
SELECT sale.ordinal FROM sale JOIN package ON package.ordinal = sale.ordinal
WHERE sale.ordinal BETWEEN :first AND :last AND sale.state IN (5, 6);

-- name: find_package
SELECT body FROM package WHERE ordinal = :ordinal;

-- name: find_sale
SELECT state, package_hash, audit_status FROM sale WHERE ordinal = :ordinal;

-- name: drop_audited_packages
DELETE FROM package WHERE ordinal <= :ordinal;

-- name: set_audited
UPDATE sale SET state = 7 WHERE ordinal <= :ordinal AND state IN (3, 4, 5, 6);

-- name: end_cycles
UPDATE cycle SET state = :state WHERE state IN (1, 2, 3);

-- name: add_cycle
INSERT INTO cycle (state, started_ms, last_ordinal) VALUES (1, :started_ms, :last_ordinal);

-- name: set_started
UPDATE cycle SET state = 2, request = :request, sum = :sum, card_limit = :card_limit WHERE cycle = :cycle;

-- name: set_submitted
UPDATE cycle SET state = 3, submitted_ms = :submitted_ms WHERE cycle = :cycle AND state IN (2, 3);

-- name: set_finished
UPDATE cycle SET state = 4 WHERE cycle = :cycle;

-- name: newest_cycle
SELECT cycle, state, started_ms, last_ordinal, request, sum, card_limit, submitted_ms
FROM cycle ORDER BY cycle DESC LIMIT 1;

-- name: finished_cycles
SELECT count(*) FROM cycle WHERE state = 4;

-- name: configuration
SELECT type, payload FROM configuration;

-- name: keep_configuration
INSERT INTO configuration (type, command_id, payload) VALUES (:type, :command_id, :payload)
ON CONFLICT (type) DO UPDATE SET command_id = excluded.command_id, payload = excluded.payload;

-- name: find_command
SELECT type, success, reported FROM command WHERE command_id = :command_id;

-- name: add_command
INSERT INTO command (command_id, type, received_ms, reported) VALUES (:command_id, :type, :received_ms, 0)
ON CONFLICT (command_id) DO NOTHING;

-- name: set_command_result
UPDATE command SET success = :success, reported = 0 WHERE command_id = :command_id;

-- name: set_unreported
UPDATE command SET reported = 0 WHERE command_id = :command_id AND success IS NOT NULL;

-- name: set_reported
UPDATE command SET reported = 1 WHERE command_id = :command_id;

-- name: unreported
SELECT command_id, success FROM command WHERE reported = 0 AND success IS NOT NULL ORDER BY received_ms, rowid;

-- name: untold_results
SELECT command_id, success, received_ms FROM command WHERE reported = 0 AND success IS NOT NULL
ORDER BY received_ms, rowid;

-- name: keep_token
INSERT INTO token (only_row, api_url, token, expires_ms) VALUES (1, :api_url, :token, :expires_ms)
ON CONFLICT (only_row) DO UPDATE SET api_url = excluded.api_url, token = excluded.token, expires_ms = excluded.expires_ms;

-- name: find_token
SELECT api_url, token, expires_ms FROM token;

-- name: drop_token
DELETE FROM token;

-- name: drop_command
DELETE FROM command WHERE command_id = :command_id AND success IS NULL;
