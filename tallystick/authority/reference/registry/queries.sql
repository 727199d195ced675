-- name: put_taxpayer
INSERT INTO registry.taxpayer (tin, business_name) VALUES (:tin, :business_name)
ON CONFLICT (tin) DO UPDATE SET business_name = excluded.business_name
WHERE registry.taxpayer.business_name <> excluded.business_name;

-- name: put_premises
INSERT INTO registry.premises (tin, code, name, address, city, district, country)
VALUES (:tin, :code, :name, :address, :city, :district, :country)
ON CONFLICT (tin, code) DO UPDATE
SET name = excluded.name, address = excluded.address, city = excluded.city, district = excluded.district,
    country = excluded.country
RETURNING premises_id;

-- name: add_secure_element
INSERT INTO registry.secure_element (
    uid, tin, premises_id, business_name, location_name, address, district, city, country, certificate,
    certificate_hash, not_before, not_after, environment_x, environment_y, encryption_key, limit_amount)
SELECT
    :uid, :tin, :premises_id, :business_name, :location_name, :address, :district, :city, :country, :certificate,
    :certificate_hash, :not_before, :not_after, :environment_x, :environment_y, :encryption_key, :limit_amount
WHERE NOT EXISTS (SELECT FROM registry.fiscal_device WHERE uid = :uid)
ON CONFLICT DO NOTHING;

-- name: secure_element
SELECT uid, tin, premises_id, business_name, location_name, address, district, city, country, certificate,
       certificate_hash, not_before, not_after, environment_x, environment_y, encryption_key, limit_amount, state,
       revoked_at, registration_index,
       (SELECT r.reason FROM registry.revoked_certificate r
        WHERE r.certificate_hash = e.certificate_hash AND r.lifted_at IS NULL)
FROM registry.secure_element e WHERE uid = :uid;

-- name: secure_elements
SELECT uid, tin, premises_id, business_name, location_name, address, district, city, country, certificate,
       certificate_hash, not_before, not_after, environment_x, environment_y, encryption_key, limit_amount, state,
       revoked_at, registration_index,
       (SELECT r.reason FROM registry.revoked_certificate r
        WHERE r.certificate_hash = e.certificate_hash AND r.lifted_at IS NULL)
FROM registry.secure_element e WHERE uid = ANY(:uids);

-- name: changed_secure_elements
SELECT uid, tin, premises_id, business_name, location_name, address, district, city, country, certificate,
       certificate_hash, not_before, not_after, environment_x, environment_y, encryption_key, limit_amount, state,
       revoked_at, registration_index,
       (SELECT r.reason FROM registry.revoked_certificate r
        WHERE r.certificate_hash = e.certificate_hash AND r.lifted_at IS NULL)
FROM registry.secure_element e WHERE changed_in >= :since::xid8;

-- name: unpublished_secure_elements
SELECT uid, tin, premises_id, business_name, location_name, address, district, city, country, certificate,
       certificate_hash, not_before, not_after, environment_x, environment_y, encryption_key, limit_amount, state,
       revoked_at, registration_index,
       (SELECT r.reason FROM registry.revoked_certificate r
        WHERE r.certificate_hash = e.certificate_hash AND r.lifted_at IS NULL)
FROM registry.secure_element e WHERE registration_index IS NULL ORDER BY uid LIMIT :most;

-- name: changed_taxpayers
SELECT tin, business_name FROM registry.taxpayer WHERE changed_in >= :since::xid8;

-- name: changed_revocations
SELECT certificate_hash, uid, revoked_at, reason, lifted_at FROM registry.revoked_certificate
WHERE changed_in >= :since::xid8;

-- name: revocation
SELECT certificate_hash, uid, revoked_at, reason, lifted_at FROM registry.revoked_certificate
WHERE certificate_hash = :certificate_hash;

-- name: revocations
SELECT certificate_hash, uid, revoked_at, reason, lifted_at FROM registry.revoked_certificate WHERE lifted_at IS NULL;

-- name: device_revocations
SELECT r.certificate_hash, r.uid, r.revoked_at, r.reason, r.lifted_at
FROM registry.device_certificate AS c JOIN registry.revoked_certificate AS r USING (certificate_hash)
WHERE c.uid = :uid AND r.lifted_at IS NULL AND r.reason <> 4;

-- name: lift_revocation
UPDATE registry.revoked_certificate SET lifted_at = :at
WHERE certificate_hash = :certificate_hash AND reason = 6 AND lifted_at IS NULL;

-- name: oldest_open_transaction
SELECT pg_snapshot_xmin(pg_current_snapshot())::text;

-- name: lock_secure_element
SELECT state FROM registry.secure_element WHERE uid = :uid FOR UPDATE;

-- name: certificate_hash
SELECT certificate_hash FROM registry.secure_element WHERE uid = :uid;

-- name: set_own_hold
UPDATE registry.secure_element SET own_hold = :is_held WHERE uid = :uid AND own_hold <> :is_held;

-- name: has_own_hold
SELECT own_hold FROM registry.secure_element WHERE uid = :uid;

-- name: set_state
UPDATE registry.secure_element SET state = :state, revoked_at = :revoked_at WHERE uid = :uid;

-- name: set_registration_index
UPDATE registry.secure_element SET registration_index = :registration_index
WHERE uid = :uid AND registration_index IS NULL;

-- name: add_revocation
INSERT INTO registry.revoked_certificate (certificate_hash, uid, revoked_at, reason)
VALUES (:certificate_hash, :uid, :revoked_at, :reason)
ON CONFLICT (certificate_hash) DO UPDATE
SET revoked_at = CASE WHEN registry.revoked_certificate.lifted_at IS NULL THEN registry.revoked_certificate.revoked_at
                      ELSE excluded.revoked_at END,
    reason = excluded.reason, lifted_at = NULL
WHERE registry.revoked_certificate.lifted_at IS NOT NULL
   OR (registry.revoked_certificate.reason = 6 AND excluded.reason <> 6);

-- name: add_fiscal_device
INSERT INTO registry.fiscal_device (uid, device_class, tin, premises_id, maker, model, serial_number, form_factor,
                                    memory_number, enterprise_number, memory_report)
SELECT :uid, :device_class, :tin, :premises_id, :maker, :model, :serial_number, :form_factor, :memory_number,
       :enterprise_number, :memory_report
WHERE NOT EXISTS (SELECT FROM registry.secure_element WHERE uid = :uid)
ON CONFLICT DO NOTHING;

-- name: fiscal_device
SELECT d.uid, d.device_class, d.tin, d.premises_id, d.maker, d.model, d.serial_number, d.state, t.business_name,
       coalesce(p.name, ''), d.form_factor, d.memory_number, d.enterprise_number, d.memory_report
FROM registry.fiscal_device AS d JOIN registry.taxpayer AS t USING (tin)
LEFT JOIN registry.premises AS p ON p.premises_id = d.premises_id
WHERE d.uid = :uid;

-- name: devices_of
SELECT uid FROM registry.fiscal_device
WHERE state <> 'closed' AND device_class <> 3 AND (:tin::text = '' OR tin = :tin) AND (:maker::text = '' OR maker = :maker)
ORDER BY uid LIMIT :most;

-- name: devices_registered_before
SELECT uid FROM registry.fiscal_device
WHERE uid > :after AND state <> 'closed' AND device_class <> 3 AND registered_at < :before ORDER BY uid LIMIT :most;

-- name: lock_fiscal_device
SELECT state, tin FROM registry.fiscal_device WHERE uid = :uid FOR UPDATE;

-- name: set_fiscal_device_state
UPDATE registry.fiscal_device SET state = :state, state_reason = :reason WHERE uid = :uid;

-- name: changed_fiscal_devices
SELECT d.uid, d.device_class, d.tin, d.premises_id, d.maker, d.model, d.serial_number, d.state, t.business_name,
       d.registration_index, d.genesis, d.form_factor, d.memory_number, d.memory_report,
       p.name, p.address, p.district, p.city, p.country
FROM registry.fiscal_device AS d JOIN registry.taxpayer AS t USING (tin)
LEFT JOIN registry.premises AS p ON p.premises_id = d.premises_id
WHERE d.uid IN (
    SELECT uid FROM registry.fiscal_device WHERE changed_in >= :since::xid8
    UNION ALL
    SELECT o.uid FROM registry.taxpayer AS n JOIN registry.fiscal_device AS o USING (tin)
    WHERE n.changed_in >= :since::xid8
    UNION ALL
    SELECT o.uid FROM registry.premises AS n JOIN registry.fiscal_device AS o USING (premises_id)
    WHERE n.changed_in >= :since::xid8
);

-- name: changed_device_certificates
SELECT c.certificate_hash, c.uid, c.device_class, c.tin, c.authority, c.certificate, c.not_before, c.not_after,
       least(r.revoked_at, a.revoked_at), coalesce(a.reason, r.reason)
FROM registry.device_certificate AS c
LEFT JOIN registry.revoked_certificate AS r ON r.certificate_hash = c.certificate_hash AND r.lifted_at IS NULL
LEFT JOIN LATERAL (
    SELECT min(revoked_at) AS revoked_at, min(reason) AS reason FROM registry.revoked_certificate
    WHERE uid = c.authority AND lifted_at IS NULL
) AS a ON true
WHERE c.certificate_hash IN (
    SELECT certificate_hash FROM registry.device_certificate WHERE changed_in >= :since::xid8
    UNION ALL
    SELECT certificate_hash FROM registry.revoked_certificate WHERE changed_in >= :since::xid8
    UNION ALL
    SELECT w.certificate_hash FROM registry.revoked_certificate AS n
    JOIN registry.device_certificate AS w ON w.authority = n.uid WHERE n.changed_in >= :since::xid8
);

-- name: national_device
SELECT d.uid, d.device_class, d.tin, d.premises_id, d.maker, d.model, d.serial_number, d.state, t.business_name,
       d.registration_index, d.genesis, d.form_factor, d.memory_number, d.memory_report,
       p.name, p.address, p.district, p.city, p.country
FROM registry.fiscal_device AS d JOIN registry.taxpayer AS t USING (tin)
LEFT JOIN registry.premises AS p ON p.premises_id = d.premises_id
WHERE d.uid = :uid;

-- name: certificates_of_device
SELECT c.certificate_hash, c.uid, c.device_class, c.tin, c.authority, c.certificate, c.not_before, c.not_after,
       r.revoked_at, r.reason
FROM registry.device_certificate AS c
LEFT JOIN registry.revoked_certificate AS r ON r.certificate_hash = c.certificate_hash AND r.lifted_at IS NULL
WHERE c.uid = :uid ORDER BY c.entered DESC LIMIT :limit;

-- name: device_certificates
SELECT c.certificate_hash, c.uid, c.device_class, c.tin, c.authority, c.certificate, c.not_before, c.not_after,
       r.revoked_at, r.reason
FROM registry.device_certificate AS c
LEFT JOIN registry.revoked_certificate AS r ON r.certificate_hash = c.certificate_hash AND r.lifted_at IS NULL
WHERE c.certificate_hash = ANY(:hashes);

-- name: add_device_certificate
INSERT INTO registry.device_certificate (certificate_hash, uid, device_class, tin, authority, certificate, not_before,
                                         not_after, entered_at)
VALUES (:certificate_hash, :uid, :device_class, :tin, :authority, :certificate, :not_before, :not_after, :at)
ON CONFLICT (certificate_hash) DO NOTHING;

-- name: note_first_certificate
UPDATE registry.fiscal_device SET first_certificate = :certificate_hash
WHERE uid = :uid AND first_certificate IS NULL;

-- name: unpublished_devices
SELECT d.uid, d.device_class, d.tin, d.premises_id, d.maker, d.model, d.serial_number, d.state, '', '', d.form_factor,
       d.memory_number, d.enterprise_number, d.memory_report,
       c.certificate_hash, c.uid, c.device_class, c.tin, c.authority, c.certificate, c.not_before, c.not_after,
       NULL::timestamptz, NULL::smallint
FROM registry.fiscal_device AS d JOIN registry.device_certificate AS c ON c.certificate_hash = d.first_certificate
WHERE d.registration_index IS NULL ORDER BY d.uid LIMIT :most;

-- name: note_registration
UPDATE registry.fiscal_device SET registration_index = :registration_index, genesis = :genesis
WHERE uid = :uid AND registration_index IS NULL;

-- name: is_uid_taken
SELECT EXISTS (SELECT FROM registry.fiscal_device WHERE uid = :uid)
    OR EXISTS (SELECT FROM registry.secure_element WHERE uid = :uid);

-- name: device_of_maker
SELECT uid, tin FROM registry.fiscal_device
WHERE maker = :maker AND model = :model AND serial_number = :serial_number;

-- name: premises_of
SELECT premises_id FROM registry.premises WHERE tin = :tin ORDER BY premises_id LIMIT 2;

-- name: owner_of_premises
SELECT tin FROM registry.premises WHERE premises_id = :premises_id;

-- name: pending_by_hash
SELECT pending_id, tin, device_class, maker, model, serial_number, memory_number, form_factor, build_id, key_hash,
       premises_id, came_from, first_at, last_at, state, uid, decided_by, reason
FROM registry.pending_register WHERE presented_hash = :presented_hash FOR UPDATE;

-- name: lock_pending
SELECT pending_id, tin, device_class, maker, model, serial_number, memory_number, form_factor, build_id, key_hash,
       premises_id, came_from, first_at, last_at, state, uid, decided_by, reason
FROM registry.pending_register WHERE pending_id = :pending_id FOR UPDATE;

-- name: pending_registers
SELECT pending_id, tin, device_class, maker, model, serial_number, memory_number, form_factor, build_id, key_hash,
       premises_id, came_from, first_at, last_at, state, uid, decided_by, reason
FROM registry.pending_register
WHERE (:state::text = '' OR state = :state) AND (:tin::text = '' OR tin = :tin)
ORDER BY pending_id DESC LIMIT :limit;

-- name: count_first_requests
SELECT count(*) FROM registry.pending_register WHERE came_from = :came_from AND first_at > :since;

-- name: count_pending_of
SELECT count(*) FROM registry.pending_register WHERE tin = :tin AND state = 'pending';

-- name: count_pending
SELECT count(*) FROM registry.pending_register WHERE state = 'pending';

-- name: add_pending
INSERT INTO registry.pending_register (
    presented_hash, tin, device_class, maker, model, serial_number, memory_number, form_factor, build_id, key_hash,
    maker_certificate, premises_id, came_from, first_at, last_at)
VALUES (
    :presented_hash, :tin, :device_class, :maker, :model, :serial_number, :memory_number, :form_factor, :build_id,
    :key_hash, :maker_certificate, :premises_id, :came_from, :at, :at)
ON CONFLICT (presented_hash) DO NOTHING;

-- name: see_pending
UPDATE registry.pending_register SET last_at = greatest(last_at, :at), build_id = :build_id WHERE pending_id = :pending_id;

-- name: decide_pending
UPDATE registry.pending_register
SET state = :state, uid = :uid, premises_id = coalesce(:premises_id, premises_id), decided_by = :by, decided_at = :at,
    reason = :reason
WHERE pending_id = :pending_id AND state = 'pending';

-- name: refuse_rivals
UPDATE registry.pending_register SET state = 'refused', decided_by = :by, decided_at = :at, reason = :reason
WHERE maker = :maker AND model = :model AND serial_number = :serial_number AND state = 'pending';

-- name: count_code
UPDATE registry.pending_register
SET codes = CASE WHEN codes_since > :day_ago THEN codes + 1 ELSE 1 END,
    codes_since = CASE WHEN codes_since > :day_ago THEN codes_since ELSE :at END
WHERE pending_id = :pending_id AND (codes < :most OR codes_since <= :day_ago OR codes_since IS NULL);

-- name: has_certificate
SELECT first_certificate IS NOT NULL FROM registry.fiscal_device WHERE uid = :uid;

-- name: prune_pending
DELETE FROM registry.pending_register WHERE pending_id IN (
    SELECT pending_id FROM registry.pending_register WHERE last_at < :before ORDER BY last_at LIMIT :most
);

-- name: add_rule
INSERT INTO registry.register_rule (tin, premises_id, makers, most, until, set_by, set_at)
VALUES (:tin, :premises_id, :makers, :most, :until, :by, :at) RETURNING rule_id;

-- name: lock_rules
SELECT rule_id, tin, premises_id, makers, most, taken, until FROM registry.register_rule
WHERE tin = :tin AND ended_at IS NULL AND :at < until AND taken < most AND :maker = ANY(makers)
ORDER BY rule_id FOR UPDATE;

-- name: lock_rule
SELECT rule_id, tin, premises_id, makers, most, taken, until FROM registry.register_rule
WHERE rule_id = :rule_id AND ended_at IS NULL FOR UPDATE;

-- name: rules_in_force
SELECT rule_id, tin, premises_id, makers, most, taken, until FROM registry.register_rule
WHERE ended_at IS NULL AND :at < until AND taken < most AND (:tin::text = '' OR tin = :tin)
ORDER BY rule_id LIMIT :limit;

-- name: use_rule
UPDATE registry.register_rule SET taken = taken + 1 WHERE rule_id = :rule_id;

-- name: end_rule
UPDATE registry.register_rule SET ended_at = :at WHERE rule_id = :rule_id;

-- name: taxpayer
SELECT tin, business_name FROM registry.taxpayer WHERE tin = :tin;

-- name: secure_element_of_certificate
SELECT uid FROM registry.secure_element WHERE certificate_hash = :certificate_hash;

-- name: points
SELECT p.premises_id, p.tin, p.code, p.name, p.address, p.city, p.district, p.country,
       (SELECT count(*) FROM registry.fiscal_device d WHERE d.premises_id = p.premises_id AND d.state <> 'closed')
FROM registry.premises AS p WHERE :tin = '' OR p.tin = :tin ORDER BY p.premises_id LIMIT :limit;

-- name: move_device
UPDATE registry.fiscal_device SET premises_id = :premises_id WHERE uid = :uid;

-- name: take_turns_with_users
SELECT pg_advisory_xact_lock(hashtextextended('registry.users', 0));

-- name: count_active
SELECT count(*) FROM registry.app_user WHERE role = :role AND is_active;

-- name: users
SELECT u.username, u.display_name, u.role, u.is_active,
       ARRAY(SELECT t.tin FROM registry.user_taxpayer t WHERE t.user_id = u.id ORDER BY t.tin)
FROM registry.app_user AS u WHERE :role = '' OR u.role = :role ORDER BY u.username LIMIT :limit;

-- name: add_user
INSERT INTO registry.app_user (username, password, display_name, role)
VALUES (:username, :password, :display_name, :role)
ON CONFLICT (username) DO NOTHING
RETURNING id;

-- name: user_by_name
SELECT id, username, password, display_name, role, is_active, last_login, date_joined
FROM registry.app_user WHERE username = :username;

-- name: bind_user
INSERT INTO registry.user_taxpayer (user_id, tin)
SELECT id, :tin FROM registry.app_user WHERE username = :username
ON CONFLICT DO NOTHING;

-- name: release_user
DELETE FROM registry.user_taxpayer USING registry.app_user
WHERE id = user_id AND username = :username AND tin = :tin;

-- name: taxpayers_of_user
SELECT tin FROM registry.user_taxpayer WHERE user_id = :user_id ORDER BY tin;

-- name: known_taxpayers
SELECT tin FROM registry.taxpayer WHERE tin = ANY(:tins);

-- name: owners
SELECT uid, tin FROM registry.secure_element WHERE uid = ANY(:uids);

-- name: set_user_active
UPDATE registry.app_user SET is_active = :is_active WHERE username = :username;

-- name: set_user_password
UPDATE registry.app_user SET password = :password WHERE username = :username;

-- name: counts_by_state
SELECT state, count(*) FROM registry.secure_element GROUP BY state;

-- name: count_taxpayers
SELECT count(*) FROM registry.taxpayer;
