-- Heads of the chain that were entered in the ledger (kind 0x09): whoever makes the chain anew must make them anew too.
CREATE TABLE activity.anchor (
    seq         bigint      PRIMARY KEY CHECK (seq > 0),
    link        bytea       NOT NULL CHECK (octet_length(link) = 32),
    at          timestamptz NOT NULL,
    entry_index bigint
);
CREATE INDEX anchor_unpublished ON activity.anchor (seq) WHERE entry_index IS NULL;
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON activity.anchor
    FOR EACH STATEMENT EXECUTE FUNCTION activity.refuse_change();

CREATE FUNCTION activity.keep_anchor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.seq, NEW.link, NEW.at) IS DISTINCT FROM (OLD.seq, OLD.link, OLD.at) OR OLD.entry_index IS NOT NULL THEN
        RAISE EXCEPTION 'an anchor stays' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON activity.anchor FOR EACH ROW EXECUTE FUNCTION activity.keep_anchor();
