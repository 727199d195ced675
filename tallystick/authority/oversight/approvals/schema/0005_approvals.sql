-- Requests for deeds that need a second person. content is the canonical text of what shall be done; who carries it out
-- takes it from here and nowhere else.
CREATE SCHEMA approvals;

CREATE TABLE approvals.request (
    request_id   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    deed         text        NOT NULL CHECK (deed <> ''),
    object       text        NOT NULL CHECK (object <> ''),
    content      jsonb       NOT NULL CHECK (jsonb_typeof(content) = 'object'),
    reason       text        NOT NULL CHECK (char_length(reason) BETWEEN 10 AND 1000),
    asked_by     text        NOT NULL CHECK (asked_by <> ''),
    asked_from   text        NOT NULL CHECK (asked_from <> ''),
    asked_at     timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL CHECK (expires_at <= asked_at + interval '24 hours'),
    state        text        NOT NULL DEFAULT 'pending'
                 CHECK (state IN ('pending', 'approved', 'refused', 'expired', 'done')),
    decided_by   text,
    decided_from text,
    decided_at   timestamptz,
    done_at      timestamptz,
    CHECK ((decided_by IS NULL) = (state IN ('pending', 'expired'))),
    CHECK ((decided_at IS NULL) = (decided_by IS NULL)),
    CHECK (state NOT IN ('approved', 'done') OR (decided_by <> asked_by AND decided_at < expires_at)),
    CHECK ((done_at IS NOT NULL) = (state = 'done'))
);
CREATE UNIQUE INDEX request_open ON approvals.request (deed, object) WHERE state IN ('pending', 'approved');

-- What was asked for stays, what was decided stays, and what was done is done.
CREATE FUNCTION approvals.keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.request_id, NEW.deed, NEW.object, NEW.content, NEW.reason, NEW.asked_by, NEW.asked_from, NEW.asked_at,
        NEW.expires_at) IS DISTINCT FROM
       (OLD.request_id, OLD.deed, OLD.object, OLD.content, OLD.reason, OLD.asked_by, OLD.asked_from, OLD.asked_at,
        OLD.expires_at) THEN
        RAISE EXCEPTION 'what was asked for stays' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT (OLD.state = 'pending' AND NEW.state IN ('approved', 'refused', 'expired')
            OR OLD.state = 'approved' AND NEW.state = 'done'
               AND (NEW.decided_by, NEW.decided_from, NEW.decided_at) IS NOT DISTINCT FROM
                   (OLD.decided_by, OLD.decided_from, OLD.decided_at)) THEN
        RAISE EXCEPTION 'from % a request does not become %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON approvals.request FOR EACH ROW EXECUTE FUNCTION approvals.keep();

CREATE FUNCTION approvals.refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'requests are never removed' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON approvals.request
    FOR EACH STATEMENT EXECUTE FUNCTION approvals.refuse_removal();
