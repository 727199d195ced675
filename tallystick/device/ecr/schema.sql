-- What one register did. One row of `register`; documents are never changed but for what the authority answered.

CREATE TABLE register (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    uid           TEXT    NOT NULL,
    device_class  INTEGER NOT NULL,
    sequence      INTEGER NOT NULL DEFAULT 0,
    link          BLOB,
    last_ms       INTEGER NOT NULL DEFAULT 0,
    state         BLOB    NOT NULL,
    memory_record INTEGER NOT NULL DEFAULT 0,
    contact_ms    INTEGER NOT NULL DEFAULT 0,
    stopped       TEXT    NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE document (
    sequence      INTEGER PRIMARY KEY,
    kind          TEXT    NOT NULL,
    time_ms       INTEGER NOT NULL,
    total         INTEGER NOT NULL,
    refers_to     INTEGER,
    compact       BLOB    NOT NULL,
    link          BLOB    NOT NULL CHECK (length(link) = 32),
    answer        BLOB    NOT NULL,
    request_id    TEXT UNIQUE,
    request_hash  BLOB,
    log_index     INTEGER,
    booked_ms     INTEGER,
    memory_record INTEGER NOT NULL DEFAULT 0,
    is_shown      INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX document_waiting ON document (sequence) WHERE log_index IS NULL;
CREATE INDEX document_follows ON document (refers_to) WHERE refers_to IS NOT NULL;

-- A document that was signed and is not in the sequence yet: state 0 open (its fate is not known), 1 void.
CREATE TABLE intent (
    id            INTEGER PRIMARY KEY,
    state         INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1)),
    sequence      INTEGER NOT NULL,
    compact       BLOB    NOT NULL,
    change        INTEGER NOT NULL,
    request_id    TEXT    NOT NULL,
    request_hash  BLOB    NOT NULL,
    cause         TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE UNIQUE INDEX intent_open ON intent (state) WHERE state = 0;
CREATE INDEX intent_of_sequence ON intent (sequence);

-- Stretches without contact, for the rolling limit (S0-032).
CREATE TABLE outage (
    began_ms      INTEGER PRIMARY KEY,
    ended_ms      INTEGER NOT NULL
) STRICT;
