-- name: add_maker
INSERT INTO builds.maker (maker, name, release_key, user_id, since)
VALUES (:maker, :name, :release_key, :user_id, :at) ON CONFLICT DO NOTHING;

-- name: maker
SELECT maker, name, release_key, user_id, is_active, since FROM builds.maker WHERE maker = :maker;

-- name: maker_of_user
SELECT maker, name, release_key, user_id, is_active, since FROM builds.maker WHERE user_id = :user_id ORDER BY maker LIMIT 1;

-- name: makers
SELECT maker, name, release_key, user_id, is_active, since FROM builds.maker ORDER BY maker;

-- name: add_build
INSERT INTO builds.build (build_id, maker, product, version, class, manifest, submitted_at)
VALUES (:build_id, :maker, :product, :version, :class, :manifest, :at) ON CONFLICT DO NOTHING;

-- name: build
SELECT build_id, maker, product, version, class, state, submitted_at FROM builds.build WHERE build_id = :build_id;

-- name: lock_build
SELECT build_id, maker, product, version, class, state, submitted_at FROM builds.build
WHERE build_id = :build_id FOR UPDATE;

-- name: builds
SELECT build_id, maker, product, version, class, state, submitted_at,
       (SELECT count(*) FROM builds.proved AS p WHERE p.build_id = b.build_id)
FROM builds.build AS b WHERE :maker::text IS NULL OR maker = :maker
ORDER BY state <> 'submitted', submitted_at DESC LIMIT :limit;

-- name: standings
SELECT build_id, class, state FROM builds.build;

-- name: withdrawals
SELECT d.build_id, min(d.decided_at) FROM builds.decision AS d JOIN builds.build AS b USING (build_id)
WHERE b.state IN ('suspended', 'revoked') AND d.state IN ('suspended', 'revoked')
  AND NOT EXISTS (SELECT FROM builds.decision AS later WHERE later.build_id = d.build_id
                  AND later.decision_id > d.decision_id AND later.state = 'certified')
GROUP BY d.build_id;

-- name: manifest
SELECT manifest FROM builds.build WHERE build_id = :build_id;

-- name: set_state
UPDATE builds.build SET state = :state WHERE build_id = :build_id;

-- name: add_decision
INSERT INTO builds.decision (build_id, state, decided_by, reason, decided_at)
VALUES (:build_id, :state, :by, :reason, :at);

-- name: decisions
SELECT state, decided_by, reason, decided_at, entry_index FROM builds.decision
WHERE build_id = :build_id ORDER BY decision_id;

-- name: unpublished
SELECT d.decision_id, d.build_id, d.state, d.decided_at, b.maker, b.product, b.version, b.class
FROM builds.decision AS d JOIN builds.build AS b USING (build_id)
WHERE d.entry_index IS NULL ORDER BY d.decision_id LIMIT :limit;

-- name: note_index
UPDATE builds.decision SET entry_index = :entry_index WHERE decision_id = :decision_id AND entry_index IS NULL;

-- name: note_proved
INSERT INTO builds.proved (uid, build_id, first_at, last_at)
SELECT uid, build_id, at, at FROM unnest(:uids::text[], :build_ids::text[], :moments::timestamptz[]) AS p (uid, build_id, at)
ON CONFLICT (uid, build_id) DO UPDATE SET last_at = excluded.last_at;

-- name: devices_with
SELECT uid FROM builds.proved AS p
WHERE build_id = :build_id
  AND NOT EXISTS (SELECT 1 FROM builds.proved AS n WHERE n.uid = p.uid AND n.last_at > p.last_at)
ORDER BY uid LIMIT :most;
