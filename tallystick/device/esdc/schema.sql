-- One store per secure element. Times are Unix milliseconds UTC; hashes SHA-256; amounts x 10000.
CREATE TABLE store (
    only_row        INTEGER PRIMARY KEY CHECK (only_row = 1),
    format          INTEGER NOT NULL,
    uid             TEXT NOT NULL,
    environment     TEXT NOT NULL,
    clean_stop      INTEGER NOT NULL
) STRICT;

-- A request to fiscalise, from intent on. The row stays as the hash record after its package is gone (K-07).
CREATE TABLE sale (
    sale            INTEGER PRIMARY KEY,
    state           INTEGER NOT NULL,
    request_id      TEXT,
    request_hash    BLOB NOT NULL,
    time_ms         INTEGER NOT NULL,
    counter_before  INTEGER NOT NULL,
    ordinal         INTEGER UNIQUE,
    package_hash    BLOB,
    audit_status    INTEGER
) STRICT;
CREATE INDEX sale_to_send ON sale (ordinal) WHERE state IN (3, 4);

-- What it takes to finish or to judge a sale that power interrupted; gone once the package is stored.
CREATE TABLE intent (
    sale            INTEGER PRIMARY KEY REFERENCES sale,
    request         BLOB NOT NULL,
    language        TEXT NOT NULL,
    group_id        INTEGER NOT NULL,
    taxes           BLOB NOT NULL,
    sign_request    BLOB NOT NULL,
    sign_answer     BLOB
) STRICT;

-- Answers to a POS that named its request; the newest are kept.
CREATE TABLE answer (
    sale            INTEGER PRIMARY KEY REFERENCES sale,
    request_id      TEXT NOT NULL,
    request_hash    BLOB NOT NULL,
    body            BLOB NOT NULL
) STRICT;
CREATE INDEX answer_by_request ON answer (request_id);

CREATE TABLE package (
    ordinal         INTEGER PRIMARY KEY,
    body            BLOB NOT NULL
) STRICT;

-- An ordinal that the card used without giving its result back.
CREATE TABLE gap (
    ordinal         INTEGER PRIMARY KEY,
    document        BLOB NOT NULL,
    found_ms        INTEGER NOT NULL
) STRICT;

CREATE TABLE configuration (
    type            INTEGER PRIMARY KEY,
    command_id      TEXT NOT NULL,
    payload         TEXT NOT NULL
) STRICT;

CREATE TABLE command (
    command_id      TEXT PRIMARY KEY,
    type            INTEGER NOT NULL,
    received_ms     INTEGER NOT NULL,
    success         INTEGER,
    reported        INTEGER NOT NULL
) STRICT;

CREATE TABLE cycle (
    cycle           INTEGER PRIMARY KEY,
    state           INTEGER NOT NULL,
    started_ms      INTEGER NOT NULL,
    last_ordinal    INTEGER NOT NULL,
    request         BLOB,
    sum             INTEGER,
    card_limit      INTEGER,
    submitted_ms    INTEGER
) STRICT;

CREATE TABLE token (
    only_row        INTEGER PRIMARY KEY CHECK (only_row = 1),
    api_url         TEXT NOT NULL,
    token           TEXT NOT NULL,
    expires_ms      INTEGER NOT NULL
) STRICT;
