CREATE SCHEMA intake;

-- Packages that nobody could show to be lawfully signed. The whole file as received, kept 90 days.
CREATE TABLE intake.refused (
    file_hash   bytea       NOT NULL CHECK (octet_length(file_hash) = 32),
    token_uid   text        NOT NULL,
    token_tin   text        NOT NULL,
    body        bytea       NOT NULL,
    step        smallint    NOT NULL,
    code        text        NOT NULL,
    detail      text        NOT NULL,
    answered    smallint    NOT NULL,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    times       integer     NOT NULL DEFAULT 1,
    PRIMARY KEY (file_hash, token_uid)
);
CREATE INDEX refused_by_time ON intake.refused (last_at);

-- Lawfully signed packages that cannot be booked as they are. Kept for good until decided.
CREATE TABLE intake.quarantine (
    act_hash     bytea       PRIMARY KEY CHECK (octet_length(act_hash) = 32),
    body_hash    bytea       NOT NULL CHECK (octet_length(body_hash) = 32),
    file_hash    bytea       NOT NULL CHECK (octet_length(file_hash) = 32),
    body         bytea       NOT NULL,
    requested_by text        NOT NULL,
    signed_by    text        NOT NULL,
    ordinal      bigint      NOT NULL,
    tin          text        NOT NULL,
    turnover     bigint      NOT NULL,
    step         smallint    NOT NULL,
    codes        text[]      NOT NULL,
    verdict      smallint    NOT NULL,
    received_at  timestamptz NOT NULL,
    entry_index  bigint,
    state        text        NOT NULL DEFAULT 'received' CHECK (state IN ('received', 'readmitted', 'rejected')),
    decided_at   timestamptz,
    decided_by   text
);
CREATE INDEX quarantine_by_signer ON intake.quarantine (signed_by, ordinal);

-- Two documents under one number, or one signed act with two unsigned parts.
CREATE TABLE intake.evidence (
    act_hash        bytea       NOT NULL CHECK (octet_length(act_hash) = 32),
    body_hash       bytea       NOT NULL CHECK (octet_length(body_hash) = 32),
    kind            text        NOT NULL CHECK (kind IN ('unsigned part differs', 'two documents under one number')),
    file_hash       bytea       NOT NULL CHECK (octet_length(file_hash) = 32),
    body            bytea       NOT NULL,
    first_body_hash bytea       NOT NULL,
    signed_by       text        NOT NULL,
    ordinal         bigint      NOT NULL,
    token_uid       text        NOT NULL,
    received_at     timestamptz NOT NULL,
    entry_index     bigint,
    PRIMARY KEY (act_hash, body_hash)
);
CREATE INDEX evidence_by_signer ON intake.evidence (signed_by, ordinal);
