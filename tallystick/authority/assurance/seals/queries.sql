-- name: lock
SELECT pg_advisory_xact_lock(hashtext('seals.day'));

-- name: newest_revisions
SELECT DISTINCT ON (day) day, revision, last_seq, seal_hash, made_for FROM seals.day ORDER BY day, revision DESC;

-- name: newest
SELECT number, seal_hash FROM seals.day ORDER BY number DESC LIMIT 1;

-- name: add
INSERT INTO seals.day (number, day, revision, last_seq, body, seal_hash, made_at, made_for)
VALUES (:number, :day, :revision, :last_seq, :body, :seal_hash, :made_at, :made_for);

-- name: unpublished
SELECT number, body, made_at FROM seals.day WHERE entry_index IS NULL ORDER BY number LIMIT 1000;

-- name: number_entry
UPDATE seals.day SET entry_index = :entry_index WHERE number = :number AND entry_index IS NULL;

-- name: of_day
SELECT revision, body, entry_index FROM seals.day WHERE day = :day AND entry_index IS NOT NULL
ORDER BY revision DESC LIMIT :limit;
