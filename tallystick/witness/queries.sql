-- name: trust
INSERT INTO log_key (origin, verifier_key, added_at) VALUES (:origin, :verifier_key, :at) ON CONFLICT DO NOTHING;

-- name: distrust
DELETE FROM log_key WHERE origin = :origin AND verifier_key = :verifier_key;

-- name: keys_of
SELECT verifier_key FROM log_key WHERE origin = :origin ORDER BY added_at, verifier_key;

-- name: head
SELECT size, root, note, cosigned_at FROM head WHERE origin = :origin;

-- name: begin_head
INSERT INTO head (origin, size, root, note, cosigned_at) VALUES (:origin, :size, :root, :note, :at);

-- name: move_head
UPDATE head SET size = :size, root = :root, note = :note, cosigned_at = :at
WHERE origin = :origin AND size = :old_size;

-- name: keep_offence
INSERT INTO offence (origin, at, code, held, offered, fingerprint)
SELECT :origin, :at, :code, :held, :offered, :fingerprint
WHERE (SELECT count(*) FROM offence WHERE code = :code) < :most
ON CONFLICT DO NOTHING;

-- name: offences
SELECT number, origin, at, code, held, offered FROM offence ORDER BY number;

-- name: logs
SELECT k.origin, k.verifier_key, h.size, h.root, h.note, h.cosigned_at,
       (SELECT count(*) FROM offence AS o WHERE o.origin = k.origin)
FROM log_key AS k LEFT JOIN head AS h ON h.origin = k.origin ORDER BY k.origin, k.added_at, k.verifier_key;
