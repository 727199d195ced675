-- What refunds take from their originals. A claim is noted before the refund is booked, under the lock of its original,
-- so that no two refunds together give back more than was paid (S0-059). A claim of a refund that was refused is let go;
-- one that a crash left is told from a booked one by the ledger.
CREATE TABLE intake.refunded (
    original text PRIMARY KEY CHECK (original <> '')
);

CREATE TABLE intake.refund_claim (
    act_hash   bytea       PRIMARY KEY CHECK (octet_length(act_hash) = 32),
    original   text        NOT NULL REFERENCES intake.refunded,
    device     text        NOT NULL,
    sequence   bigint      NOT NULL,
    amount     bigint      NOT NULL CHECK (amount >= 0),
    claimed_at timestamptz NOT NULL,
    let_go     boolean     NOT NULL DEFAULT false
);
CREATE INDEX refund_claim_of_original ON intake.refund_claim (original) WHERE NOT let_go;
