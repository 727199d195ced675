-- One person is one, under his user name and in the shell of his account; and an override begins undecided.
ALTER TABLE audit.override ADD CONSTRAINT override_of_two CHECK (
    state <> 'approved'
    OR NOT approvals.names(asked_by, asked_from) && approvals.names(decided_by, decided_from)) NOT VALID;

CREATE FUNCTION audit.begin_override() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'pending' OR NEW.decided_from IS NOT NULL THEN
        RAISE EXCEPTION 'an override begins undecided' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER begins BEFORE INSERT ON audit.override FOR EACH ROW EXECUTE FUNCTION audit.begin_override();
