-- name: add_agreement
INSERT INTO agreements.agreement (number, tin, since, until, concluded_by, concluded_at)
VALUES (:number, :tin, :since, :until, :by, :at)
ON CONFLICT DO NOTHING;

-- name: agreement
SELECT number, tin, since, until, concluded_by, concluded_at, ended_by, end_reason FROM agreements.agreement
WHERE number = :number;

-- name: lock_agreement
SELECT number, tin, since, until, concluded_by, concluded_at, ended_by, end_reason FROM agreements.agreement
WHERE number = :number FOR UPDATE;

-- name: end_agreement
UPDATE agreements.agreement SET until = greatest(:until, since), ended_by = :by, ended_at = :at, end_reason = :reason
WHERE number = :number;

-- name: agreements
SELECT number, tin, since, until, concluded_by, concluded_at, ended_by, end_reason FROM agreements.agreement
WHERE :tin::text = '' OR tin = :tin ORDER BY since DESC, number LIMIT :limit;

-- name: in_force
SELECT EXISTS (
    SELECT FROM agreements.agreement WHERE tin = :tin AND since <= :at AND (until IS NULL OR :at < until)
);

-- name: changed_agreements
SELECT number, tin, since, until, concluded_by, concluded_at, ended_by, end_reason FROM agreements.agreement
WHERE changed_in >= :changed_since::xid8;

-- name: oldest_open_transaction
SELECT pg_snapshot_xmin(pg_current_snapshot())::text;
