-- What the national channels keep beside the ledger.

-- A head shows later which numbers existed by then (K-05): while something of its device waits for a decision or for its
-- booking it stays, and the newest stays for good.
CREATE VIEW retention.heads WITH (security_invoker = true) AS
SELECT h.uid, h.sequence, h.link, h.received_at AS at,
       retention.is_held(coalesce(d.tin, ''), h.uid)
       OR NOT EXISTS (SELECT 1 FROM batches.head_report n WHERE n.uid = h.uid AND n.sequence > h.sequence)
       OR EXISTS (SELECT 1 FROM intake.quarantine q WHERE q.signed_by = h.uid AND q.state = 'received')
       OR EXISTS (SELECT 1 FROM batches.batch b WHERE b.uid = h.uid AND b.state <> 'done') AS held
FROM batches.head_report h LEFT JOIN registry.fiscal_device d ON d.uid = h.uid;

-- Numbers and hashes of parts, once their batch has its receipt; batch, manifest and receipt stay.
CREATE VIEW retention.parts WITH (security_invoker = true) AS
SELECT p.uid, p.batch_id, p.number, p.received_at AS at,
       b.state <> 'done' OR retention.is_held(b.tin, p.uid) AS held
FROM batches.part p JOIN batches.batch b USING (uid, batch_id);

CREATE VIEW retention.matters WITH (security_invoker = true) AS
SELECT m.matter_id, m.at, NOT m.told OR retention.is_held(m.tin, m.uid) AS held FROM batches.matter m;

-- The rolling limit of a country looks back for two years at most, and its batches may come late.
CREATE VIEW retention.outages WITH (security_invoker = true) AS
SELECT o.uid, o.since, o.until AS at,
       o.up_to IS NULL OR o.until > now() - interval '26 months' OR retention.is_held(coalesce(d.tin, ''), o.uid) AS held
FROM batches.outage o LEFT JOIN registry.fiscal_device d ON d.uid = o.uid;

-- Commands to registers: the newest of a kind says how a device stands; what told it of a rate group is not told again.
CREATE VIEW retention.remote WITH (security_invoker = true) AS
SELECT c.uid, c.number, coalesce(c.answered_at, c.superseded_at, c.expires_at) AS at,
       NOT remote.is_over(c) OR retention.is_held(coalesce(d.tin, ''), c.uid)
       OR NOT EXISTS (SELECT 1 FROM remote.command n WHERE n.uid = c.uid AND n.kind = c.kind AND n.number > c.number)
       OR EXISTS (SELECT 1 FROM remote.told_rates t WHERE (t.uid, t.number) = (c.uid, c.number)) AS held
FROM remote.command c LEFT JOIN registry.fiscal_device d ON d.uid = c.uid;
