-- In which role each of the two acted.
ALTER TABLE approvals.request
    ADD COLUMN asked_as   text NOT NULL DEFAULT 'officer' CHECK (asked_as <> ''),
    ADD COLUMN decided_as text CHECK (decided_as <> '');

-- Names under which somebody is known: his user name, and that of the account in whose shell he works.
CREATE FUNCTION approvals.names(username text, came_from text) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT array_remove(ARRAY[lower(username), lower(substring(came_from FROM '^shell:(.+)$'))], NULL)
$$;
ALTER TABLE approvals.request ADD CONSTRAINT request_of_two CHECK (
    state NOT IN ('approved', 'done')
    OR NOT approvals.names(asked_by, asked_from) && approvals.names(decided_by, decided_from)) NOT VALID;

-- A request begins undecided.
CREATE FUNCTION approvals.begin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> 'pending' OR NEW.decided_from IS NOT NULL OR NEW.decided_as IS NOT NULL THEN
        RAISE EXCEPTION 'a request begins undecided' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER begins BEFORE INSERT ON approvals.request FOR EACH ROW EXECUTE FUNCTION approvals.begin();

CREATE OR REPLACE FUNCTION approvals.keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.request_id, NEW.deed, NEW.object, NEW.content, NEW.reason, NEW.asked_by, NEW.asked_from, NEW.asked_as,
        NEW.asked_at, NEW.expires_at) IS DISTINCT FROM
       (OLD.request_id, OLD.deed, OLD.object, OLD.content, OLD.reason, OLD.asked_by, OLD.asked_from, OLD.asked_as,
        OLD.asked_at, OLD.expires_at) THEN
        RAISE EXCEPTION 'what was asked for stays' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT (OLD.state = 'pending' AND NEW.state IN ('approved', 'refused', 'expired')
            OR OLD.state = 'approved' AND NEW.state = 'done'
               AND (NEW.decided_by, NEW.decided_from, NEW.decided_as, NEW.decided_at) IS NOT DISTINCT FROM
                   (OLD.decided_by, OLD.decided_from, OLD.decided_as, OLD.decided_at)) THEN
        RAISE EXCEPTION 'from % a request does not become %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
