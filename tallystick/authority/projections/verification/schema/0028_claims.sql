-- Which documents refer to which: a fold over the records of the ledger, that can be thrown away and made again.
CREATE SCHEMA verification;

CREATE TABLE verification.claim (
    requested_by  text    NOT NULL,
    signed_by     text    NOT NULL,
    ordinal       bigint  NOT NULL,
    log_index     bigint  NOT NULL UNIQUE,
    document_type integer NOT NULL,
    total         bigint  NOT NULL,
    PRIMARY KEY (signed_by, requested_by, ordinal, log_index)
);

-- How far the fold has come.
CREATE TABLE verification.progress (
    reader   text   PRIMARY KEY,
    position bigint NOT NULL
);
