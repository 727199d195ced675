-- Seals of days in the order in which they were made. body is the seal's exact bytes, seal_hash their SHA-256; made_for
-- is the newest day that had ended then (days since 1970), entry_index the ledger's entry, none until it is published.
CREATE SCHEMA seals;

CREATE TABLE seals.day (
    number      bigint      PRIMARY KEY CHECK (number > 0),
    day         integer     NOT NULL,
    revision    integer     NOT NULL CHECK (revision > 0),
    last_seq    bigint      NOT NULL CHECK (last_seq >= 0),
    body        bytea       NOT NULL,
    seal_hash   bytea       NOT NULL CHECK (octet_length(seal_hash) = 32),
    made_at     timestamptz NOT NULL,
    made_for    integer     NOT NULL,
    entry_index bigint,
    UNIQUE (day, revision)
);
CREATE INDEX day_unpublished ON seals.day (number) WHERE entry_index IS NULL;

CREATE FUNCTION seals.keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR OLD.entry_index IS NOT NULL
       OR to_jsonb(NEW) - 'entry_index' IS DISTINCT FROM to_jsonb(OLD) - 'entry_index' THEN
        RAISE EXCEPTION 'a seal stays as it is' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON seals.day FOR EACH ROW EXECUTE FUNCTION seals.keep();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON seals.day FOR EACH STATEMENT EXECUTE FUNCTION seals.keep();
