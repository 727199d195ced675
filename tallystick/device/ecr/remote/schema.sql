-- What the authority wants of this register. One row of `control`; a command has its answer in the commit of its effect.

CREATE TABLE control (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    held          INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1)),
    offline_hours INTEGER,
    rolling_hours INTEGER,
    rolling_days  INTEGER,
    shift_hours   INTEGER,
    receipt_text  TEXT    NOT NULL DEFAULT '',
    build         TEXT    NOT NULL DEFAULT '',
    install_by_ms INTEGER NOT NULL DEFAULT 0,
    begun         INTEGER NOT NULL DEFAULT 0 CHECK (begun IN (0, 1)),
    lost          INTEGER NOT NULL DEFAULT 0 CHECK (lost IN (0, 1))
) STRICT;
INSERT INTO control (id) VALUES (1);

CREATE TABLE command (
    number   INTEGER PRIMARY KEY,
    hash     BLOB    NOT NULL CHECK (length(hash) = 32),
    compact  BLOB    NOT NULL,
    result   BLOB    NOT NULL,
    told     INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1))
) STRICT;
CREATE INDEX command_untold ON command (number) WHERE told = 0;

-- Rate groups that were told ahead of their validity; labels are a JSON object of text.
CREATE TABLE rates (
    group_id      INTEGER PRIMARY KEY,
    valid_from_ms INTEGER NOT NULL,
    labels        TEXT    NOT NULL
) STRICT;
