-- What was in force from when on. content is the canonical text of the whole rule; a row is written when it changes.
CREATE SCHEMA rules;

CREATE TABLE rules.adoption (
    subject     text        NOT NULL CHECK (subject <> ''),
    number      bigint      NOT NULL CHECK (number > 0),
    content     bytea       NOT NULL,
    adopted_at  timestamptz NOT NULL,
    entry_index bigint,
    PRIMARY KEY (subject, number)
);
CREATE INDEX adoption_unpublished ON rules.adoption (subject, number) WHERE entry_index IS NULL;

CREATE FUNCTION rules.keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.subject, NEW.number, NEW.content, NEW.adopted_at) IS DISTINCT FROM
       (OLD.subject, OLD.number, OLD.content, OLD.adopted_at) OR OLD.entry_index IS NOT NULL THEN
        RAISE EXCEPTION 'what was adopted stays' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON rules.adoption FOR EACH ROW EXECUTE FUNCTION rules.keep();

CREATE FUNCTION rules.refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'adopted rules are never removed' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON rules.adoption
    FOR EACH STATEMENT EXECUTE FUNCTION rules.refuse_removal();
