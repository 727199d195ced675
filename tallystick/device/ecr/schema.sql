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
    stopped       TEXT    NOT NULL DEFAULT '',
    barred        TEXT    NOT NULL DEFAULT ''
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
CREATE INDEX document_waiting ON document (sequence) WHERE booked_ms IS NULL;
CREATE INDEX document_follows ON document (refers_to) WHERE refers_to IS NOT NULL;
CREATE INDEX document_reports ON document (sequence)
    WHERE kind IN ('shift-closing', 'settlement-status', 'registration', 're-registration', 'memory-closure');
CREATE INDEX document_late ON document (sequence) WHERE is_shown = 0;

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

-- A batch on its way to the authority: state 0 open, 1 sealed by its manifest, 2 its receipt is here, 3 done.
CREATE TABLE batch (
    batch_id      BLOB    PRIMARY KEY CHECK (length(batch_id) = 16),
    first         INTEGER NOT NULL,
    state         INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3),
    last          INTEGER,
    manifest      BLOB,
    receipt       BLOB
) STRICT;
CREATE UNIQUE INDEX batch_on_its_way ON batch (state < 3) WHERE state < 3;

-- Where its parts were cut; their text is that of the documents.
CREATE TABLE batch_part (
    batch_id      BLOB    NOT NULL REFERENCES batch,
    number        INTEGER NOT NULL,
    first         INTEGER NOT NULL,
    last          INTEGER NOT NULL,
    sha256        BLOB    NOT NULL CHECK (length(sha256) = 32),
    is_there      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (batch_id, number)
) STRICT;
