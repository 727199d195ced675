-- The ERP channel. A key names an act of a connection for some days; let_go says that its act was refused, so that
-- another may have it unless the ledger has the act all the same.
CREATE SCHEMA erp;

CREATE TABLE erp.act_key (
    uid      text        NOT NULL,
    key      text        NOT NULL CHECK (length(key) BETWEEN 1 AND 128),
    act_hash bytea       NOT NULL CHECK (octet_length(act_hash) = 32),
    sequence bigint      NOT NULL CHECK (sequence BETWEEN 1 AND 4294967295),
    taken_at timestamptz NOT NULL,
    let_go   boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (uid, key)
);
CREATE INDEX act_key_age ON erp.act_key (taken_at);
