-- name: lock_certificate
SELECT pg_advisory_xact_lock(hashtextextended('sdc/' || encode(:thumbprint::bytea, 'hex'), 0));

-- name: token_of_certificate
SELECT token_hash, uid, thumbprint, issued_at, expires_at, build_id FROM sdc.token WHERE thumbprint = :thumbprint;

-- name: put_token
INSERT INTO sdc.token (thumbprint, token_hash, uid, issued_at, expires_at, build_id)
VALUES (:thumbprint, :token_hash, :uid, :issued_at, :expires_at, :build_id)
ON CONFLICT (thumbprint) DO UPDATE
SET token_hash = excluded.token_hash, uid = excluded.uid, issued_at = excluded.issued_at,
    expires_at = excluded.expires_at, build_id = excluded.build_id;

-- name: token_by_hash
SELECT token_hash, uid, thumbprint, issued_at, expires_at, build_id FROM sdc.token WHERE token_hash = :token_hash;

-- name: put_contact
INSERT INTO sdc.contact (uid, is_online, notified_at) VALUES (:uid, :is_online, :notified_at)
ON CONFLICT (uid) DO UPDATE SET is_online = excluded.is_online, notified_at = excluded.notified_at;

-- name: remove_expired_tokens
DELETE FROM sdc.token WHERE expires_at < :before;
