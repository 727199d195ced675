-- What the counterpart of the tax service has received. Times are Unix milliseconds, hashes 32 bytes.
CREATE TABLE document (
    act           BLOB PRIMARY KEY CHECK (length(act) = 32),
    content       BLOB NOT NULL,
    tin           TEXT NOT NULL,
    type          TEXT NOT NULL,
    fiscal_number TEXT NOT NULL,
    total         TEXT NOT NULL,
    received_at   INTEGER NOT NULL,
    number        INTEGER NOT NULL UNIQUE,
    times         INTEGER NOT NULL DEFAULT 1
) STRICT;
