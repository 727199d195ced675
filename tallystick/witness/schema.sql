-- What one witness knows. Times are Unix seconds, sizes count entries, hashes are 32 bytes, notes are exact bytes.

-- Keys that a log may sign with; a log with a new key has two rows for a while.
CREATE TABLE log_key (
    origin       TEXT NOT NULL,
    verifier_key TEXT NOT NULL,
    added_at     INTEGER NOT NULL,
    PRIMARY KEY (origin, verifier_key)
) STRICT;

-- The checkpoint that was cosigned last, with its cosignature line.
CREATE TABLE head (
    origin      TEXT PRIMARY KEY,
    size        INTEGER NOT NULL CHECK (size >= 0),
    root        BLOB NOT NULL CHECK (length(root) = 32),
    note        BLOB NOT NULL,
    cosigned_at INTEGER NOT NULL
) STRICT;

CREATE TRIGGER only_grows BEFORE UPDATE ON head WHEN NEW.size < OLD.size
    OR (NEW.size = OLD.size AND NEW.root <> OLD.root)
BEGIN
    SELECT raise(ABORT, 'a witness never goes back');
END;
CREATE TRIGGER never_forgets BEFORE DELETE ON head
BEGIN
    SELECT raise(ABORT, 'a witness never forgets');
END;

-- Signed checkpoints that contradict what was cosigned, each once: the evidence.
CREATE TABLE offence (
    number     INTEGER PRIMARY KEY,
    origin     TEXT NOT NULL,
    at         INTEGER NOT NULL,
    code       TEXT NOT NULL,
    held       BLOB NOT NULL,
    offered    BLOB NOT NULL,
    fingerprint BLOB NOT NULL UNIQUE
) STRICT;
