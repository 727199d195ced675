-- Agreements of taxpayers with the operator. One is in force from `since` on and before `until`, if that is set. Rows
-- stay; an end only comes earlier. Tariffs and accounts refer to the number when they come.
CREATE SCHEMA agreements;

CREATE TABLE agreements.agreement (
    number       text        PRIMARY KEY CHECK (number <> ''),
    tin          text        NOT NULL REFERENCES registry.taxpayer,
    since        timestamptz NOT NULL,
    until        timestamptz CHECK (since <= until),
    concluded_by text        NOT NULL CHECK (concluded_by <> ''),
    concluded_at timestamptz NOT NULL,
    ended_by     text        NOT NULL DEFAULT '',
    ended_at     timestamptz CHECK ((ended_by = '') = (ended_at IS NULL)),
    end_reason   text        NOT NULL DEFAULT '',
    changed_in   xid8        NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX agreement_of_taxpayer ON agreements.agreement (tin, since);
CREATE INDEX agreement_changed ON agreements.agreement (changed_in);

CREATE FUNCTION agreements.keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.number, NEW.tin, NEW.since, NEW.concluded_by, NEW.concluded_at)
       IS DISTINCT FROM (OLD.number, OLD.tin, OLD.since, OLD.concluded_by, OLD.concluded_at)
       OR NEW.until IS NULL OR NEW.until > OLD.until THEN
        RAISE EXCEPTION 'an agreement stays as it was concluded, and only ends' USING ERRCODE = 'check_violation';
    END IF;
    NEW.changed_in := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON agreements.agreement FOR EACH ROW EXECUTE FUNCTION agreements.keep();

CREATE FUNCTION agreements.refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an agreement is never removed' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON agreements.agreement
    FOR EACH STATEMENT EXECUTE FUNCTION agreements.refuse_removal();

CREATE FUNCTION agreements.announce() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('agreements', '');
    RETURN NULL;
END $$;
CREATE TRIGGER announce AFTER INSERT OR UPDATE ON agreements.agreement
    FOR EACH STATEMENT EXECUTE FUNCTION agreements.announce();
