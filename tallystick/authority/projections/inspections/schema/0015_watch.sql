-- Cases and their evidence, and what the detectors remember between two looks. Amounts are x 10000, hours are counted
-- from 1970 in the local time of the device.
CREATE SCHEMA inspections;

CREATE TABLE inspections.case_file (
    case_id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind         text        NOT NULL,
    matter       text        NOT NULL,
    tin          text        NOT NULL,
    device       text        NOT NULL,
    state        text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'vanished', 'closed')),
    opened_at    timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    looked_at    timestamptz NOT NULL,
    closed_at    timestamptz,
    closed_by    text,
    reason       text        CHECK (char_length(reason) BETWEEN 10 AND 1000),
    CHECK ((closed_at IS NULL) = (state = 'open')),
    CHECK ((closed_by IS NOT NULL AND reason IS NOT NULL) = (state = 'closed'))
);
CREATE UNIQUE INDEX case_open ON inspections.case_file (kind, matter) WHERE state = 'open';
CREATE INDEX case_due ON inspections.case_file (looked_at) WHERE state = 'open';
CREATE INDEX case_of_taxpayer ON inspections.case_file (tin);

CREATE TABLE inspections.seen (
    seen_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id bigint      NOT NULL REFERENCES inspections.case_file,
    item    text        NOT NULL,
    amount  bigint      NOT NULL,
    facts   jsonb       NOT NULL,
    seen_at timestamptz NOT NULL,
    gone_at timestamptz,
    UNIQUE (case_id, item)
);

-- What was seen stays as it was seen; it can only be gone. A case that has ended stays ended.
CREATE FUNCTION inspections.keep_seen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.case_id, NEW.item, NEW.amount, NEW.facts, NEW.seen_at) IS DISTINCT FROM
       (OLD.case_id, OLD.item, OLD.amount, OLD.facts, OLD.seen_at) THEN
        RAISE EXCEPTION 'evidence stays as it was seen' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON inspections.seen FOR EACH ROW EXECUTE FUNCTION inspections.keep_seen();

CREATE FUNCTION inspections.keep_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'open' OR (NEW.kind, NEW.matter, NEW.tin, NEW.device, NEW.opened_at) IS DISTINCT FROM
                              (OLD.kind, OLD.matter, OLD.tin, OLD.device, OLD.opened_at) THEN
        RAISE EXCEPTION 'a case ends once, and what it is about stays' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON inspections.case_file FOR EACH ROW EXECUTE FUNCTION inspections.keep_case();

-- How far each reader has come in the ledger. A detector that was switched off goes on where it stopped.
CREATE TABLE inspections.progress (
    reader   text   PRIMARY KEY,
    position bigint NOT NULL
);

-- The fold of under-reporting over documents and proofs of audit, one row a device.
CREATE TABLE inspections.device (
    requested_by    text        NOT NULL,
    signed_by       text        NOT NULL,
    tin             text        NOT NULL,
    offset_minutes  integer     NOT NULL,
    first_hour      bigint      NOT NULL,
    last_hour       bigint      NOT NULL,
    counts          bytea       NOT NULL CHECK (octet_length(counts) = 168),
    audited_up_to   bigint      NOT NULL DEFAULT 0,
    unaudited       bigint      NOT NULL DEFAULT 0,
    oldest_at       timestamptz,
    high_since      timestamptz,
    silent_due_at   timestamptz,
    unaudited_due_at timestamptz,
    PRIMARY KEY (requested_by, signed_by)
);
CREATE INDEX device_silent ON inspections.device (silent_due_at) WHERE silent_due_at IS NOT NULL;
CREATE INDEX device_unaudited ON inspections.device (unaudited_due_at) WHERE unaudited_due_at IS NOT NULL;

-- What buyers showed and the ledger did not have then. Only codes with a good signature come here, so there are never
-- more rows than signed documents; who scanned is not kept.
CREATE TABLE inspections.sighting (
    act_hash     bytea       PRIMARY KEY CHECK (octet_length(act_hash) = 32),
    requested_by text        NOT NULL,
    signed_by    text        NOT NULL,
    ordinal      bigint      NOT NULL,
    tin          text        NOT NULL,
    amount       bigint      NOT NULL,
    issued_at    timestamptz NOT NULL,
    first_at     timestamptz NOT NULL,
    last_at      timestamptz NOT NULL,
    times        integer     NOT NULL DEFAULT 1,
    told         boolean     NOT NULL DEFAULT false
);
CREATE INDEX sighting_due ON inspections.sighting (first_at) WHERE NOT told;
