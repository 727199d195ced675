-- What one monitor knows. Times are Unix seconds, sizes count entries, hashes are 32 bytes, notes are exact bytes.

-- How far a log was followed: the perfect nodes of its tree, largest first, and the head that they lead to.
CREATE TABLE followed (
    origin     TEXT PRIMARY KEY,
    size       INTEGER NOT NULL,
    right_edge BLOB NOT NULL,
    root       BLOB NOT NULL CHECK (length(root) = 32),
    note       BLOB NOT NULL,
    at         INTEGER NOT NULL
) STRICT;

-- Heads that a place showed and the log did not yet: told as an alarm when the log still lacks them the next time.
CREATE TABLE ahead (
    origin TEXT NOT NULL,
    place  TEXT NOT NULL,
    size   INTEGER NOT NULL,
    PRIMARY KEY (origin, place)
) STRICT;

CREATE TABLE alarm (
    number      INTEGER PRIMARY KEY,
    origin      TEXT NOT NULL,
    at          INTEGER NOT NULL,
    place       TEXT NOT NULL,
    what        TEXT NOT NULL,
    ours        BLOB NOT NULL,
    theirs      BLOB NOT NULL,
    fingerprint BLOB NOT NULL UNIQUE
) STRICT;
