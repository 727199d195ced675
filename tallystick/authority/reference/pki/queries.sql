-- name: enter_authority
INSERT INTO pki.authority (name, certificate, certificate_hash, key_hash, not_before, not_after, entered_at)
VALUES (:name, :certificate, :certificate_hash, :key_hash, :not_before, :not_after, :at)
ON CONFLICT DO NOTHING;

-- name: authorities
SELECT name, certificate, not_after FROM pki.authority ORDER BY name;

-- name: claim_key
INSERT INTO pki.certified_key (key_hash, holder, since) VALUES (:key_hash, :holder, :at) ON CONFLICT DO NOTHING;

-- name: key_holder
SELECT holder FROM pki.certified_key WHERE key_hash = :key_hash;

-- name: is_certified
SELECT EXISTS (SELECT 1 FROM pki.issuance WHERE key_hash = :key_hash AND holder = :holder AND state = 'issued');

-- name: is_blocked
SELECT EXISTS (SELECT 1 FROM pki.blocked_key WHERE key_hash = :key_hash);

-- name: block_key
INSERT INTO pki.blocked_key (key_hash, why, listed_at) VALUES (:key_hash, :why, :at) ON CONFLICT DO NOTHING;

-- name: begin
INSERT INTO pki.issuance (authority, profile, serial, request_hash, tbs_hash, key_hash, holder, tin, requested_by,
                          purpose, not_before, not_after, state, begun_at)
VALUES (:authority, :profile, :serial, :request_hash, :tbs_hash, :key_hash, :holder, :tin, :requested_by, :purpose,
        :not_before, :not_after, 'intent', :at)
ON CONFLICT DO NOTHING
RETURNING issuance_id;

-- name: finish
UPDATE pki.issuance SET state = 'issued', ended_at = :at, certificate = :certificate,
                        certificate_hash = :certificate_hash, subject = :subject
WHERE issuance_id = :issuance_id AND state = 'intent';

-- name: void
UPDATE pki.issuance SET state = 'void', ended_at = :at WHERE issuance_id = :issuance_id AND state = 'intent';

-- name: lost_intents
SELECT issuance_id, authority, profile, serial, holder, tin, requested_by, purpose, tbs_hash, key_hash, not_before,
       not_after, state, begun_at, certificate, certificate_hash, ledger_index
FROM pki.issuance WHERE state = 'intent' AND begun_at < :before ORDER BY issuance_id FOR UPDATE SKIP LOCKED;

-- name: by_request
SELECT issuance_id, authority, profile, serial, holder, tin, requested_by, purpose, tbs_hash, key_hash, not_before,
       not_after, state, begun_at, certificate, certificate_hash, ledger_index
FROM pki.issuance WHERE request_hash = :request_hash AND state <> 'void';

-- name: by_hash
SELECT issuance_id, authority, profile, serial, holder, tin, requested_by, purpose, tbs_hash, key_hash, not_before,
       not_after, state, begun_at, certificate, certificate_hash, ledger_index
FROM pki.issuance WHERE certificate_hash = :certificate_hash;

-- name: by_serial
SELECT issuance_id, authority, profile, serial, holder, tin, requested_by, purpose, tbs_hash, key_hash, not_before,
       not_after, state, begun_at, certificate, certificate_hash, ledger_index
FROM pki.issuance WHERE authority = :authority AND serial = :serial;

-- name: newest
SELECT issuance_id, authority, profile, serial, holder, tin, requested_by, purpose, tbs_hash, key_hash, not_before,
       not_after, state, begun_at, certificate, certificate_hash, ledger_index
FROM pki.issuance
WHERE (:holder::text = '' OR holder = :holder) AND (:tin::text = '' OR tin = :tin)
  AND (:authority::text = '' OR authority = :authority)
ORDER BY issuance_id DESC LIMIT :limit;

-- name: search
SELECT issuance_id, authority, profile, serial, holder, tin, requested_by, purpose, tbs_hash, key_hash, not_before,
       not_after, state, begun_at, certificate, certificate_hash, ledger_index
FROM pki.issuance
WHERE serial = :serial OR certificate_hash = :digest OR holder = ANY(:holders) OR (tin <> '' AND tin = :words)
   OR to_tsvector('simple', subject) @@ plainto_tsquery('simple', :words)
ORDER BY issuance_id DESC LIMIT :limit;

-- name: live_of
SELECT issuance_id, authority, profile, serial, holder, tin, requested_by, purpose, tbs_hash, key_hash, not_before,
       not_after, state, begun_at, certificate, certificate_hash, ledger_index
FROM pki.issuance
WHERE state = 'issued' AND not_after > :at
  AND (:authority::text = '' OR authority = :authority) AND (:tin::text = '' OR tin = :tin)
  AND (:profile::text = '' OR profile = :profile)
ORDER BY issuance_id;

-- name: listed
SELECT serial, certificate_hash FROM pki.issuance
WHERE authority = :authority AND not_after > :ended_after AND certificate_hash = ANY(:hashes);

-- name: void_serials
SELECT serial, ended_at FROM pki.issuance
WHERE authority = :authority AND state = 'void' AND not_after > :ended_after;

-- name: counts
SELECT authority, profile, state, count(*) FROM pki.issuance GROUP BY authority, profile, state
ORDER BY authority, profile, state;

-- name: unpublished
SELECT issuance_id, authority, profile, serial, holder, tin, requested_by, purpose, tbs_hash, key_hash, not_before,
       not_after, state, begun_at, certificate, certificate_hash, ledger_index
FROM pki.issuance WHERE state = 'issued' AND ledger_index IS NULL ORDER BY issuance_id LIMIT :most;

-- name: set_ledger_index
UPDATE pki.issuance SET ledger_index = :ledger_index WHERE issuance_id = :issuance_id AND ledger_index IS NULL;

-- name: add_code
INSERT INTO pki.enrolment_code (code_hash, device, device_class, issued_by, issued_at, expires_at, key_hash)
VALUES (:code_hash, :device, :device_class, :issued_by, :at, :expires_at, :key_hash);

-- name: end_codes
UPDATE pki.enrolment_code SET ended_at = :at WHERE device = :device AND ended_at IS NULL;

-- name: lock_code
SELECT device, device_class, expires_at, ended_at, used_for, key_hash FROM pki.enrolment_code WHERE code_hash = :code_hash
FOR UPDATE;

-- name: use_code
UPDATE pki.enrolment_code SET used_for = :used_for, ended_at = :at WHERE code_hash = :code_hash AND ended_at IS NULL;

-- name: hold_authority
SELECT pg_advisory_xact_lock(hashtextextended('pki.list.' || :authority, 0));

-- name: begin_list
INSERT INTO pki.revocation_list (authority, number, this_update, next_update, revoked, tbs_hash)
VALUES (:authority, :number, :this_update, :next_update, :revoked, :tbs_hash)
ON CONFLICT (authority, number) DO UPDATE
SET this_update = excluded.this_update, next_update = excluded.next_update, revoked = excluded.revoked,
    tbs_hash = excluded.tbs_hash
WHERE pki.revocation_list.list IS NULL;

-- name: finish_list
UPDATE pki.revocation_list SET list = :list, list_hash = :list_hash
WHERE authority = :authority AND number = :number AND tbs_hash = :tbs_hash AND list IS NULL;

-- name: newest_list
SELECT authority, number, this_update, next_update, revoked, tbs_hash, list, ledger_index FROM pki.revocation_list
WHERE authority = :authority AND list IS NOT NULL ORDER BY number DESC LIMIT 1;

-- name: newest_lists
SELECT DISTINCT ON (authority) authority, number, this_update, next_update, revoked, tbs_hash, list, ledger_index
FROM pki.revocation_list WHERE list IS NOT NULL ORDER BY authority, number DESC;

-- name: unpublished_lists
SELECT authority, number, this_update, next_update, revoked, tbs_hash, list, ledger_index FROM pki.revocation_list
WHERE list IS NOT NULL AND ledger_index IS NULL ORDER BY authority, number LIMIT :most;

-- name: set_list_index
UPDATE pki.revocation_list SET ledger_index = :ledger_index
WHERE authority = :authority AND number = :number AND ledger_index IS NULL;

-- name: begin_use
INSERT INTO pki.key_use (key_hash, purpose, digest, used_by, begun_at)
VALUES (:key_hash, :purpose, :digest, :used_by, :at) RETURNING use_id;

-- name: end_use
UPDATE pki.key_use SET ended_at = :at WHERE use_id = :use_id AND ended_at IS NULL;

-- name: unexplained_uses
SELECT use_id, key_hash, purpose, digest, used_by, begun_at, ended_at FROM pki.key_use AS u
WHERE u.ended_at IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM pki.issuance AS i WHERE i.tbs_hash = u.digest AND i.state = 'issued')
  AND NOT EXISTS (SELECT 1 FROM pki.revocation_list AS l WHERE l.tbs_hash = u.digest AND l.list IS NOT NULL)
  AND NOT EXISTS (SELECT 1 FROM pki.trust_list AS t WHERE t.digest = u.digest AND t.list IS NOT NULL)
ORDER BY use_id;

-- name: repeated_uses
SELECT max(use_id), min(key_hash), min(purpose), digest, min(used_by), min(begun_at), max(ended_at) FROM pki.key_use
WHERE ended_at IS NOT NULL GROUP BY digest HAVING count(*) > 1;

-- name: open_uses
SELECT use_id, key_hash, purpose, digest, used_by, begun_at, ended_at FROM pki.key_use
WHERE ended_at IS NULL AND begun_at < :before
  AND NOT EXISTS (SELECT 1 FROM pki.issuance AS i WHERE i.tbs_hash = digest AND i.state = 'void')
ORDER BY use_id;

-- name: unlogged_certificates
SELECT issuance_id, authority, certificate, tbs_hash FROM pki.issuance AS i
WHERE state = 'issued'
  AND NOT EXISTS (SELECT 1 FROM pki.key_use AS u WHERE u.digest = i.tbs_hash AND u.ended_at IS NOT NULL)
ORDER BY issuance_id;

-- name: unlogged_lists
SELECT authority, number, list, tbs_hash FROM pki.revocation_list AS l
WHERE list IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM pki.key_use AS u WHERE u.digest = l.tbs_hash AND u.ended_at IS NOT NULL)
ORDER BY authority, number;

-- name: issued_after
SELECT issuance_id, certificate, tbs_hash FROM pki.issuance
WHERE state = 'issued' AND issuance_id > :after ORDER BY issuance_id LIMIT :most;

-- name: hold_request
SELECT pg_advisory_lock(hashtextextended('pki.request.' || :request, 0));

-- name: release_request
SELECT pg_advisory_unlock(hashtextextended('pki.request.' || :request, 0));

-- name: add_list
INSERT INTO pki.revocation_list (authority, number, this_update, next_update, revoked, tbs_hash, list, list_hash)
VALUES (:authority, :number, :this_update, :next_update, :revoked, :tbs_hash, :list, :list_hash);

-- name: known_digests
SELECT digest FROM pki.key_use WHERE digest = ANY(:digests)
UNION SELECT digest FROM pki.timestamp WHERE digest = ANY(:digests);

-- name: newest_timestamp
SELECT made_at FROM pki.timestamp ORDER BY made_at DESC LIMIT 1;

-- name: timestamps_since
SELECT count(*) FROM (SELECT FROM pki.timestamp WHERE made_at >= :since LIMIT :most) AS begun;

-- name: begin_timestamp
INSERT INTO pki.timestamp (serial, key_hash, imprint, digest, made_at)
VALUES (:serial, :key_hash, :imprint, :digest, :at) ON CONFLICT DO NOTHING;

-- name: end_timestamp
UPDATE pki.timestamp SET ended_at = :at WHERE digest = :digest AND ended_at IS NULL;

-- name: open_timestamps
SELECT count(*) FROM pki.timestamp WHERE ended_at IS NULL AND made_at < :before;

-- name: hold_trust_lists
SELECT pg_advisory_xact_lock(hashtextextended('pki.trust-list', 0));

-- name: begin_trust_list
INSERT INTO pki.trust_list (number, facts_hash, issued_at, next_update, digest)
VALUES (:number, :facts_hash, :issued_at, :next_update, :digest)
ON CONFLICT (number) DO UPDATE SET facts_hash = excluded.facts_hash, issued_at = excluded.issued_at,
                                   next_update = excluded.next_update, digest = excluded.digest
WHERE pki.trust_list.list IS NULL;

-- name: finish_trust_list
UPDATE pki.trust_list SET list = :list WHERE number = :number AND digest = :digest AND list IS NULL;

-- name: newest_trust_list
SELECT number, facts_hash, issued_at, next_update, digest, list, ledger_index FROM pki.trust_list
WHERE list IS NOT NULL ORDER BY number DESC LIMIT 1;

-- name: unpublished_trust_lists
SELECT number, facts_hash, issued_at, next_update, digest, list, ledger_index FROM pki.trust_list
WHERE list IS NOT NULL AND ledger_index IS NULL ORDER BY number LIMIT :most;

-- name: set_trust_list_index
UPDATE pki.trust_list SET ledger_index = :ledger_index WHERE number = :number AND ledger_index IS NULL;

-- name: issued_of_profile
SELECT certificate FROM pki.issuance WHERE profile = :profile AND state = 'issued' ORDER BY issuance_id;

-- name: share_issuing
SELECT pg_advisory_xact_lock_shared(hashtextextended('pki.issuing.' || :authority, 0));

-- name: stop_issuing
SELECT pg_advisory_xact_lock(hashtextextended('pki.issuing.' || :authority, 0));

-- name: add_withdrawal
INSERT INTO pki.withdrawal (authority, since, reason, why, decided_by)
VALUES (:authority, :since, :reason, :why, :decided_by) ON CONFLICT DO NOTHING;

-- name: withdrawals
SELECT authority, since, reason, why, decided_by, ledger_index FROM pki.withdrawal ORDER BY since, authority;

-- name: set_withdrawal_index
UPDATE pki.withdrawal SET ledger_index = :ledger_index WHERE authority = :authority AND ledger_index IS NULL;
