-- The activity log. body is the canonical JSON of an act, the only thing that the link is made over; the columns beside
-- it are read out of it for searching. Hashes are 32 bytes.
CREATE SCHEMA activity;

CREATE TABLE activity.entry (
    seq       bigint      PRIMARY KEY CHECK (seq > 0),
    at        timestamptz NOT NULL,
    actor     text        NOT NULL CHECK (actor <> ''),
    verb      text        NOT NULL CHECK (verb <> ''),
    object    text        NOT NULL,
    for_whom  text        NOT NULL,
    body      bytea       NOT NULL,
    link      bytea       NOT NULL CHECK (octet_length(link) = 32)
);
CREATE INDEX entry_by_time ON activity.entry (at, seq);
CREATE INDEX entry_by_actor ON activity.entry (actor, seq);
CREATE INDEX entry_by_object ON activity.entry (object, seq);
CREATE INDEX entry_by_subject ON activity.entry (for_whom, seq) WHERE for_whom <> '';

-- Where the chain stands. Writers take turns on this one row until their transaction ends.
CREATE TABLE activity.head (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq  bigint  NOT NULL,
    link bytea   NOT NULL CHECK (octet_length(link) = 32)
);

CREATE FUNCTION activity.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the activity log only grows: % of % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON activity.entry
    FOR EACH ROW EXECUTE FUNCTION activity.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON activity.entry
    FOR EACH STATEMENT EXECUTE FUNCTION activity.refuse_change();
CREATE TRIGGER never_emptied BEFORE DELETE OR TRUNCATE ON activity.head
    FOR EACH STATEMENT EXECUTE FUNCTION activity.refuse_change();

-- A head moves on to the entry that follows it, and nowhere else.
CREATE FUNCTION activity.move_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.seq <> OLD.seq + 1
       OR NOT EXISTS (SELECT 1 FROM activity.entry AS e WHERE e.seq = NEW.seq AND e.link = NEW.link) THEN
        RAISE EXCEPTION 'the head of the activity log follows its newest entry' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER moves_on BEFORE UPDATE ON activity.head FOR EACH ROW EXECUTE FUNCTION activity.move_on();
