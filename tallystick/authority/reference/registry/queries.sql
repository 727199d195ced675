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
VALUES (
    :uid, :tin, :premises_id, :business_name, :location_name, :address, :district, :city, :country, :certificate,
    :certificate_hash, :not_before, :not_after, :environment_x, :environment_y, :encryption_key, :limit_amount)
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
INSERT INTO registry.fiscal_device (uid, device_class, tin, premises_id, maker, model, serial_number)
VALUES (:uid, :device_class, :tin, :premises_id, :maker, :model, :serial_number)
ON CONFLICT DO NOTHING;

-- name: fiscal_device
SELECT d.uid, d.device_class, d.tin, d.premises_id, d.maker, d.model, d.serial_number, d.state, t.business_name,
       coalesce(p.name, '')
FROM registry.fiscal_device AS d JOIN registry.taxpayer AS t USING (tin)
LEFT JOIN registry.premises AS p ON p.premises_id = d.premises_id
WHERE d.uid = :uid;

-- name: set_fiscal_device_state
UPDATE registry.fiscal_device SET state = :state WHERE uid = :uid AND state <> 'closed';

-- name: taxpayer
SELECT tin, business_name FROM registry.taxpayer WHERE tin = :tin;

-- name: secure_element_of_certificate
SELECT uid FROM registry.secure_element WHERE certificate_hash = :certificate_hash;

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

-- name: hold_fiscal_device
UPDATE registry.fiscal_device SET state = 'hold' WHERE uid = :uid AND state = 'active';
