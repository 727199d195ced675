-- name: control
SELECT held, lost, offline_hours, rolling_hours, rolling_days, shift_hours, receipt_text, build, install_by_ms FROM control;

-- name: set_held
UPDATE control SET held = :held, lost = lost AND :held;

-- name: begin
UPDATE control SET begun = 1, lost = :lost WHERE begun = 0;

-- name: set_policy
UPDATE control SET offline_hours = coalesce(:offline_hours, offline_hours),
    rolling_hours = coalesce(:rolling_hours, rolling_hours), rolling_days = coalesce(:rolling_days, rolling_days),
    shift_hours = coalesce(:shift_hours, shift_hours), receipt_text = coalesce(:receipt_text, receipt_text);

-- name: set_notice
UPDATE control SET build = :build, install_by_ms = :install_by_ms;

-- name: put_rates
INSERT INTO rates (group_id, valid_from_ms, labels) VALUES (:group_id, :valid_from_ms, :labels)
ON CONFLICT (group_id) DO UPDATE SET valid_from_ms = excluded.valid_from_ms, labels = excluded.labels;

-- name: rates
SELECT group_id, valid_from_ms, labels FROM rates ORDER BY group_id;

-- name: add_command
INSERT INTO command (number, hash, compact, result) VALUES (:number, :hash, :compact, :result);

-- name: answered
SELECT number, hash FROM command;

-- name: untold
SELECT number, result FROM command WHERE told = 0 ORDER BY number;

-- name: set_told
UPDATE command SET told = :told WHERE number = :number;
