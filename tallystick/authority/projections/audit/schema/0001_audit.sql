CREATE SCHEMA audit;

-- Audit requests of cards (Start Audit), opened. Amounts are x 10000; missing holds first and last of each range. An override (S2-104) is two officers' word that
-- the liability is known although packages are missing; both columns are filled, or none.
CREATE TABLE audit.request (
    request_id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid              text        NOT NULL CHECK (uid ~ '^[A-Z0-9]{8}$'),
    audit_sequence   bigint      NOT NULL,
    nonce            bytea       NOT NULL CHECK (octet_length(nonce) = 32),
    total_counter    bigint      NOT NULL,
    proven_counter   bigint      NOT NULL,
    unaudited        bigint      NOT NULL,
    card_limit       bigint      NOT NULL,
    stated_sum       bigint      NOT NULL,
    stated_limit     bigint      NOT NULL,
    received_at      timestamptz NOT NULL,
    state            text        NOT NULL DEFAULT 'waiting'
                     CHECK (state IN ('waiting', 'incomplete', 'contradicts', 'proven', 'superseded', 'ended')),
    due_at           timestamptz,
    missing          bigint[]    NOT NULL DEFAULT '{}',
    code             text        NOT NULL DEFAULT '',
    override_reason  text,
    override_first   text,
    override_second  text,
    override_at      timestamptz,
    UNIQUE (uid, audit_sequence, nonce),
    CHECK ((override_reason IS NULL) = (override_second IS NULL)),
    CHECK (override_first <> override_second)
);
CREATE INDEX request_due ON audit.request (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX request_of_card ON audit.request (uid, audit_sequence);

-- The intent stands here before anything is signed: message and command id decide everything that follows.
CREATE TABLE audit.proof (
    request_id     bigint      PRIMARY KEY REFERENCES audit.request,
    uid            text        NOT NULL,
    command_id     uuid        NOT NULL UNIQUE,
    message        bytea       NOT NULL,
    intended_at    timestamptz NOT NULL,
    poa            bytea       CHECK (octet_length(poa) = 256),
    issued_index   bigint,
    reported_at    timestamptz,
    success        boolean,
    executed_index bigint
);
CREATE INDEX proof_unissued ON audit.proof (request_id) WHERE issued_index IS NULL;
CREATE INDEX proof_unentered ON audit.proof (request_id) WHERE success AND executed_index IS NULL;

-- A cycle begins with the first start after the last end, and ends when the card has executed a proof (S2-105).
CREATE TABLE audit.cycle (
    cycle_id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid           text        NOT NULL,
    started_at    timestamptz NOT NULL,
    starts        integer     NOT NULL DEFAULT 1,
    ended_at      timestamptz,
    ended_by      bigint      REFERENCES audit.request
);
CREATE UNIQUE INDEX cycle_open ON audit.cycle (uid) WHERE ended_at IS NULL;
CREATE INDEX cycle_ended ON audit.cycle (ended_at) WHERE ended_at IS NOT NULL;
