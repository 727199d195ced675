-- What a backup asks of the server itself.

-- name: server
SELECT (SELECT system_identifier::text FROM pg_control_system()),
       (SELECT timeline_id FROM pg_control_checkpoint()),
       current_setting('server_version');

-- name: slot
SELECT 1 FROM pg_replication_slots WHERE slot_name = :slot;

-- name: make_slot
SELECT pg_create_physical_replication_slot(:slot, true);

-- name: drop_slot
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = :slot;

-- name: flushed
SELECT pg_current_wal_flush_lsn()::text;

-- name: recovering
SELECT pg_is_in_recovery();

-- name: replayed
SELECT pg_walfile_name(pg_last_wal_replay_lsn()), pg_last_xact_replay_timestamp();
