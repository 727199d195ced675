-- name: followed
SELECT size, right_edge, root, note FROM followed WHERE origin = :origin;

-- name: follow
INSERT INTO followed (origin, size, right_edge, root, note, at) VALUES (:origin, :size, :right_edge, :root, :note, :at)
ON CONFLICT (origin) DO UPDATE SET size = excluded.size, right_edge = excluded.right_edge, root = excluded.root,
                                   note = excluded.note, at = excluded.at
WHERE excluded.size >= followed.size;

-- name: was_ahead
SELECT size FROM ahead WHERE origin = :origin AND place = :place;

-- name: note_ahead
INSERT INTO ahead (origin, place, size) VALUES (:origin, :place, :size)
ON CONFLICT (origin, place) DO NOTHING;

-- name: not_ahead
DELETE FROM ahead WHERE origin = :origin AND place = :place;

-- name: keep_alarm
INSERT INTO alarm (origin, at, place, what, ours, theirs, fingerprint)
VALUES (:origin, :at, :place, :what, :ours, :theirs, :fingerprint) ON CONFLICT DO NOTHING;

-- name: alarms
SELECT number, at, place, what, ours, theirs FROM alarm WHERE origin = :origin ORDER BY number;
