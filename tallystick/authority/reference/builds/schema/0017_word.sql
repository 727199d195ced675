-- A build begins as its maker hands it in; it is revoked by the word of two officers, and the worker, who carries that
-- out, decides nothing else.
CREATE FUNCTION builds.decide_build() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'submitted' THEN
            RAISE EXCEPTION 'a build begins by being submitted' USING ERRCODE = 'check_violation';
        END IF;
    ELSIF NEW.state <> OLD.state AND current_user IN ('tallystick_intake', 'tallystick_portal') THEN
        IF NEW.state = 'revoked' AND NOT EXISTS (
            SELECT 1 FROM approvals.request AS r
            WHERE r.deed = 'builds.revoke' AND r.object = NEW.build_id AND r.state = 'done') THEN
            RAISE EXCEPTION 'two officers revoke a build' USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF NEW.state <> 'revoked' AND current_user = 'tallystick_intake' THEN
            RAISE EXCEPTION 'an officer decides about a build' USING ERRCODE = 'insufficient_privilege';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER decide BEFORE INSERT OR UPDATE ON builds.build FOR EACH ROW EXECUTE FUNCTION builds.decide_build();
