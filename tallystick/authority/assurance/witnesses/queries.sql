-- name: policy
SELECT version, content, taken_at FROM witnesses.policy ORDER BY version DESC LIMIT 1;

-- name: lock_policies
SELECT pg_advisory_xact_lock(hashtext('witnesses.policy'));

-- name: add_policy
INSERT INTO witnesses.policy (content, reason, asked_by, approved_by, taken_at)
VALUES (:content, :reason, :asked_by, :approved_by, :at) RETURNING version;

-- name: unpublished_policies
SELECT version, content, reason, asked_by, approved_by, taken_at FROM witnesses.policy
WHERE entry_index IS NULL ORDER BY version LIMIT 100;

-- name: number_policy
UPDATE witnesses.policy SET entry_index = :entry_index WHERE version = :version AND entry_index IS NULL;

-- name: watch
INSERT INTO witnesses.standing (verifier_key, since) VALUES (:verifier_key, :at) ON CONFLICT DO NOTHING;

-- name: standings
SELECT verifier_key, size, since, cosigned_at, trouble, troubled_at FROM witnesses.standing
WHERE verifier_key = ANY(:verifier_keys);

-- name: note_cosigned
UPDATE witnesses.standing SET size = :size, cosigned_at = :at, trouble = '' WHERE verifier_key = :verifier_key;

-- name: note_trouble
UPDATE witnesses.standing SET trouble = :trouble, troubled_at = :at WHERE verifier_key = :verifier_key;

-- name: note_size
UPDATE witnesses.standing SET size = :size WHERE verifier_key = :verifier_key;

-- name: keep_cosignature
INSERT INTO witnesses.cosignature (tree_size, verifier_key, line, cosigned_at)
VALUES (:size, :verifier_key, :line, :at)
ON CONFLICT (tree_size, verifier_key) DO UPDATE SET line = excluded.line, cosigned_at = excluded.cosigned_at
WHERE excluded.cosigned_at > witnesses.cosignature.cosigned_at;

-- name: cosignatures
SELECT verifier_key, line FROM witnesses.cosignature WHERE tree_size = :size ORDER BY verifier_key;

-- name: meet_quorum
INSERT INTO witnesses.quorum (tree_size, met_at, version) VALUES (:size, :at, :version)
ON CONFLICT (tree_size) DO UPDATE SET met_at = greatest(witnesses.quorum.met_at, excluded.met_at),
                                      version = excluded.version;

-- name: newest_quorum
SELECT tree_size, met_at FROM witnesses.quorum ORDER BY tree_size DESC LIMIT 1;

-- name: first_quorum_from
SELECT tree_size FROM witnesses.quorum WHERE tree_size >= :size ORDER BY tree_size LIMIT 1;

-- name: keep_conflict
INSERT INTO witnesses.conflict (found_at, reported_by, what, tree_size, ours, theirs, fingerprint)
SELECT :at, :reported_by, :what, :tree_size, :ours, :theirs, :fingerprint
WHERE (SELECT count(*) FROM witnesses.conflict) < :most
ON CONFLICT (fingerprint) DO NOTHING RETURNING conflict_id;

-- name: conflicts
SELECT conflict_id, found_at, reported_by, what, tree_size, ours, theirs, entry_index FROM witnesses.conflict
ORDER BY conflict_id DESC LIMIT :limit;

-- name: count_conflicts
SELECT count(*) FROM witnesses.conflict;

-- name: unpublished_conflicts
SELECT conflict_id, found_at, reported_by, what, tree_size, ours, theirs, entry_index FROM witnesses.conflict
WHERE entry_index IS NULL ORDER BY conflict_id LIMIT 100;

-- name: number_conflict
UPDATE witnesses.conflict SET entry_index = :entry_index WHERE conflict_id = :conflict_id AND entry_index IS NULL;
