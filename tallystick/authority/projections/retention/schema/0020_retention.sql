-- What may go by a rule of retention, a view for each kind: since when (at), and whether something still needs it (held).
-- The views run with the rights of whoever asks.
CREATE SCHEMA retention;

-- An open case, an audit that is not at its end or a request for an override holds what belongs to taxpayer or device.
CREATE FUNCTION retention.is_held(whose text, signer text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM inspections.case_file c WHERE c.state = 'open'
                   AND (c.tin <> '' AND c.tin = whose OR signer <> '' AND position(signer IN c.device) > 0))
        OR EXISTS (SELECT 1 FROM audit.request a WHERE a.uid = signer
                   AND a.state IN ('waiting', 'incomplete', 'contradicts', 'proven'))
        OR EXISTS (SELECT 1 FROM audit.override o WHERE o.uid = signer
                   AND (o.state = 'pending' OR o.state = 'approved' AND o.taken_at IS NULL))
$$;

CREATE VIEW retention.refused WITH (security_invoker = true) AS
SELECT r.file_hash, r.token_uid, r.last_at AS at, retention.is_held(r.token_tin, r.token_uid) AS held
FROM intake.refused r;

CREATE VIEW retention.uploads WITH (security_invoker = true) AS
SELECT u.upload_id, u.created_at AS at,
       EXISTS (SELECT 1 FROM media.upload_file f WHERE f.upload_id = u.upload_id
               AND (f.state = 'waiting' OR f.uid <> '' AND retention.is_held(f.tin, f.uid))) AS held
FROM media.upload u;

-- The newest number of a pair that the ledger does not have yet may still be asked for under its id.
CREATE VIEW retention.requests WITH (security_invoker = true) AS
SELECT r.requested_by, r.request_id, r.request_hash, r.taken_at AS at,
       EXISTS (SELECT 1 FROM vsdc.pair p
               WHERE p.requested_by = r.requested_by AND p.signed_by = r.signed_by
                 AND p.total_counter = r.total_counter AND p.voided_at IS NULL
                 AND NOT EXISTS (SELECT 1 FROM ledger.identity i WHERE i.signed_by = p.signed_by
                                 AND i.requested_by = p.requested_by AND i.se_total = p.total_counter)) AS held
FROM vsdc.request r;

CREATE VIEW retention.quarantine WITH (security_invoker = true) AS
SELECT q.act_hash, q.decided_at AS at,
       q.decision_index IS NULL OR q.entry_index IS NULL OR retention.is_held(q.tin, q.signed_by)
       OR EXISTS (SELECT 1 FROM approvals.request a
                  WHERE a.object = encode(q.act_hash, 'hex') AND a.state IN ('pending', 'approved'))
       OR EXISTS (SELECT 1 FROM personal.erased x JOIN personal.erasure e USING (request_id)
                  WHERE x.log_index = q.entry_index AND e.done_at IS NULL) AS held
FROM intake.quarantine q WHERE q.state <> 'received' AND octet_length(q.body) > 0;

CREATE VIEW retention.evidence WITH (security_invoker = true) AS
SELECT v.act_hash, v.body_hash, v.received_at AS at,
       v.entry_index IS NULL OR retention.is_held(coalesce(s.tin, ''), v.signed_by)
       OR EXISTS (SELECT 1 FROM personal.erased x JOIN personal.erasure e USING (request_id)
                  WHERE x.log_index = v.entry_index AND e.done_at IS NULL) AS held
FROM intake.evidence v LEFT JOIN registry.secure_element s ON s.uid = v.signed_by
WHERE octet_length(v.body) > 0;

CREATE VIEW retention.sightings WITH (security_invoker = true) AS
SELECT s.act_hash, s.last_at AS at, NOT s.told OR retention.is_held(s.tin, s.signed_by) AS held
FROM inspections.sighting s;

-- The newest command of a kind says how a device stands; a proof of audit is needed until the ledger knows its end.
CREATE VIEW retention.commands WITH (security_invoker = true) AS
SELECT c.command_id, coalesce(c.reported_at, c.superseded_at) AS at,
       retention.is_held(coalesce(s.tin, ''), c.uid)
       OR NOT EXISTS (SELECT 1 FROM commands.command n
                      WHERE n.uid = c.uid AND n.type = c.type AND n.position > c.position)
       OR EXISTS (SELECT 1 FROM audit.proof p WHERE p.command_id = c.command_id AND p.executed_index IS NULL) AS held
FROM commands.command c LEFT JOIN registry.secure_element s ON s.uid = c.uid
WHERE c.reported_at IS NOT NULL OR c.superseded_at IS NOT NULL;

CREATE VIEW retention.sessions WITH (security_invoker = true) AS
SELECT session_key, expire_date AS at, false AS held FROM portal.django_session;
