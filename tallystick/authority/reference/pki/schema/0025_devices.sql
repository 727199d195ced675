-- What devices were certified for before the registry knew their certificates; whoever is issued one later is entered
-- in the same transaction.
INSERT INTO registry.device_certificate (certificate_hash, uid, device_class, tin, authority, certificate, not_before,
                                         not_after, entered_at)
SELECT i.certificate_hash, d.uid, CASE WHEN i.authority LIKE 'hardware-device-ca%' THEN 2 ELSE d.device_class END, i.tin,
       i.authority, i.certificate, i.not_before, i.not_after, i.ended_at
FROM pki.issuance AS i JOIN registry.fiscal_device AS d ON i.holder = 'device:' || d.uid
WHERE i.state = 'issued' ORDER BY i.issuance_id;

UPDATE registry.fiscal_device AS d SET first_certificate = c.certificate_hash
FROM (SELECT DISTINCT ON (uid) uid, certificate_hash FROM registry.device_certificate ORDER BY uid, entered) AS c
WHERE c.uid = d.uid;

-- A code that was given for one key enrols that key alone (SHA-256 of SubjectPublicKeyInfo).
ALTER TABLE pki.enrolment_code ADD COLUMN key_hash bytea CHECK (octet_length(key_hash) = 32);
