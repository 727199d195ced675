-- Two officers' word that a card's liability is known although documents are missing (S2-104). It excuses the ordinals
-- that were missing when it was asked for, and says which turnover they are presumed to have (x 10000): what the card
-- counts above what its documents add up to. It is of the card, not of one start, so that a newer start keeps it.
CREATE TABLE audit.override (
    override_id    bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid            text        NOT NULL CHECK (uid ~ '^[A-Z0-9]{8}$'),
    request_id     bigint      NOT NULL REFERENCES audit.request,
    proven_counter bigint      NOT NULL,
    total_counter  bigint      NOT NULL,
    excused        bigint[]    NOT NULL,
    presumed       bigint      NOT NULL,
    reason         text        NOT NULL CHECK (char_length(reason) BETWEEN 10 AND 1000),
    asked_by       text        NOT NULL CHECK (asked_by <> ''),
    asked_from     text        NOT NULL,
    asked_at       timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL CHECK (expires_at <= asked_at + interval '24 hours'),
    state          text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'refused', 'expired')),
    decided_by     text,
    decided_from   text,
    decided_at     timestamptz,
    taken_at       timestamptz,
    CHECK ((decided_by IS NULL) = (state IN ('pending', 'expired'))),
    CHECK ((decided_at IS NULL) = (decided_by IS NULL)),
    CHECK (state <> 'approved' OR (decided_by <> asked_by AND decided_at < expires_at)),
    CHECK (taken_at IS NULL OR state = 'approved')
);
CREATE UNIQUE INDEX override_pending ON audit.override (uid) WHERE state = 'pending';
CREATE INDEX override_untaken ON audit.override (override_id) WHERE state = 'approved' AND taken_at IS NULL;
CREATE INDEX override_of_card ON audit.override (uid) WHERE state = 'approved';

-- What was decided stays decided, and nobody changes what was asked for, not even a process that may write here.
CREATE FUNCTION audit.keep_override() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'pending' AND (NEW.state, NEW.decided_by, NEW.decided_at) IS DISTINCT FROM
                                  (OLD.state, OLD.decided_by, OLD.decided_at) THEN
        RAISE EXCEPTION 'an override is decided once' USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.uid, NEW.request_id, NEW.proven_counter, NEW.total_counter, NEW.excused, NEW.presumed, NEW.reason,
        NEW.asked_by, NEW.asked_from, NEW.asked_at, NEW.expires_at) IS DISTINCT FROM
       (OLD.uid, OLD.request_id, OLD.proven_counter, OLD.total_counter, OLD.excused, OLD.presumed, OLD.reason,
        OLD.asked_by, OLD.asked_from, OLD.asked_at, OLD.expires_at) THEN
        RAISE EXCEPTION 'what an override asks for stays' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON audit.override FOR EACH ROW EXECUTE FUNCTION audit.keep_override();

-- What a proof rested on beside documents (excused, presumed), what a contradiction found (held, since when), and what
-- the device says it no longer has (gone).
ALTER TABLE audit.request
    ADD COLUMN excused         bigint[]    NOT NULL DEFAULT '{}',
    ADD COLUMN presumed        bigint      NOT NULL DEFAULT 0,
    ADD COLUMN held            bigint,
    ADD COLUMN contradicted_at timestamptz,
    ADD COLUMN gone            bigint[]    NOT NULL DEFAULT '{}';
CREATE INDEX request_open ON audit.request (received_at)
    WHERE state IN ('waiting', 'incomplete', 'contradicts', 'proven');
CREATE INDEX request_contradicted ON audit.request (uid) WHERE contradicted_at IS NOT NULL;
