-- Where the fold of a register stood at one place of its sequence. Nothing that is not in the ledger: whoever reads a
-- device's documents begins here instead of at its last closing, as long as the ledger has this link in that place.
CREATE TABLE intake.register_state (
    uid      text   PRIMARY KEY,
    sequence bigint NOT NULL CHECK (sequence BETWEEN 1 AND 4294967295),
    link     bytea  NOT NULL CHECK (octet_length(link) = 32),
    state    bytea  NOT NULL
) WITH (fillfactor = 50);
