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

-- Webhooks: where the events of a connection's feed are told, signed with a secret that is made of salt and of what the
-- operator keeps outside of the database. What is being sent is noted before it is sent (sending_to, message), and is the
-- same at each try. A stopped one waits for its owner.
CREATE TABLE erp.webhook (
    webhook_id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid              text        NOT NULL,
    certificate_hash bytea       NOT NULL CHECK (octet_length(certificate_hash) = 32),
    url              text        NOT NULL CHECK (length(url) BETWEEN 1 AND 500),
    salt             bytea       NOT NULL CHECK (octet_length(salt) = 16),
    made_at          timestamptz NOT NULL,
    read_to          text        NOT NULL,
    sending_to       text        NOT NULL DEFAULT '',
    message          text        NOT NULL DEFAULT '',
    state            text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'stopped')),
    tries            integer     NOT NULL DEFAULT 0,
    next_at          timestamptz,
    trouble          text        NOT NULL DEFAULT '',
    delivered_at     timestamptz,
    CHECK ((next_at IS NULL) = (state = 'stopped')),
    CHECK ((sending_to = '') = (message = ''))
) WITH (fillfactor = 50);
CREATE INDEX webhook_due ON erp.webhook (next_at) WHERE state = 'active';
CREATE INDEX webhook_of_connection ON erp.webhook (uid);
