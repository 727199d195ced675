-- Places of a register's sequence that two officers settled as lost, so that what was made behind them can be booked.
-- body is the ledger's entry about it, written here first; entry_index is that entry, refusal why the ledger took none.
CREATE TABLE intake.settled_place (
    request_id  bigint      PRIMARY KEY,
    uid         text        NOT NULL,
    tin         text        NOT NULL,
    first_place bigint      NOT NULL CHECK (first_place > 0),
    last_place  bigint      NOT NULL CHECK (last_place >= first_place),
    next_act    bytea       NOT NULL CHECK (octet_length(next_act) = 32),
    body        bytea       NOT NULL,
    settled_at  timestamptz NOT NULL,
    entry_index bigint,
    refusal     text        NOT NULL DEFAULT '',
    CHECK (entry_index IS NULL OR refusal = '')
);
CREATE UNIQUE INDEX settled_place_once ON intake.settled_place (uid, first_place) WHERE refusal = '';
CREATE INDEX settled_place_waiting ON intake.settled_place (request_id) WHERE entry_index IS NULL AND refusal = '';

-- What came for such a place and was refused is kept as evidence, longer than other refusals.
ALTER TABLE intake.evidence DROP CONSTRAINT evidence_kind_check;
ALTER TABLE intake.evidence ADD CONSTRAINT evidence_kind_check CHECK (
    kind IN ('unsigned part differs', 'two documents under one number', 'came for a settled place'));
CREATE INDEX evidence_waiting ON intake.evidence (signed_by) WHERE entry_index IS NULL;
