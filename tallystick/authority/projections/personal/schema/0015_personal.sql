-- Erasures that two officers have approved: the order first, then its entry of kind 07 in the ledger, then the bodies.
CREATE SCHEMA personal;

CREATE TABLE personal.erasure (
    request_id  bigint      PRIMARY KEY,
    law         text        NOT NULL CHECK (law <> ''),
    asked_by    text        NOT NULL,
    approved_by text        NOT NULL CHECK (approved_by <> asked_by),
    ordered_at  timestamptz NOT NULL,
    entry_index bigint,
    done_at     timestamptz
);
CREATE INDEX erasure_open ON personal.erasure (request_id) WHERE done_at IS NULL;

CREATE TABLE personal.erased (
    request_id  bigint  NOT NULL REFERENCES personal.erasure,
    log_index   bigint  NOT NULL,
    body_hash   bytea   NOT NULL CHECK (octet_length(body_hash) = 32),
    in_mirror   boolean NOT NULL DEFAULT true,
    PRIMARY KEY (request_id, log_index)
);
CREATE INDEX erased_in_mirror ON personal.erased (log_index) WHERE in_mirror;
