-- Commands of the authority to devices of the national channels (S0-030): what was wanted, the exact signed bytes, and the
-- exact bytes of what the device answered. Who gave a command and why stands in the activity log. Hashes are 32 bytes.
CREATE SCHEMA remote;

-- The newest number of each device: writers of one device take turns on its row.
CREATE TABLE remote.head (
    uid    text   PRIMARY KEY REFERENCES registry.fiscal_device,
    number bigint NOT NULL CHECK (number BETWEEN 1 AND 4294967295)
);

-- kid and digest (of what is signed) are the intent of a signature; they may change until there is one.
CREATE TABLE remote.command (
    uid           text        NOT NULL REFERENCES registry.fiscal_device,
    number        bigint      NOT NULL CHECK (number BETWEEN 1 AND 4294967295),
    kind          text        NOT NULL CHECK (kind IN ('hold', 'release', 'policy', 'rates', 'resend', 'firmware')),
    payload       bytea       NOT NULL,
    issued_at     timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL CHECK (issued_at < expires_at),
    request_id    bigint,
    kid           bytea       CHECK (octet_length(kid) = 32),
    digest        bytea       UNIQUE CHECK (octet_length(digest) = 32),
    compact       bytea       CHECK (compact IS NULL OR digest IS NOT NULL),
    signed_at     timestamptz CHECK ((signed_at IS NULL) = (compact IS NULL)),
    fetched_at    timestamptz CHECK (fetched_at IS NULL OR compact IS NOT NULL),
    superseded_by bigint      CHECK (superseded_by > number),
    superseded_at timestamptz CHECK ((superseded_at IS NULL) = (superseded_by IS NULL)),
    answered_at   timestamptz CHECK (answered_at IS NULL OR compact IS NOT NULL),
    changed_in    xid8        NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (uid, number),
    CHECK ((kid IS NULL) = (digest IS NULL))
);
CREATE INDEX command_unsigned ON remote.command (issued_at, uid, number)
    WHERE compact IS NULL AND superseded_by IS NULL;
CREATE INDEX command_open ON remote.command (uid, number) WHERE superseded_by IS NULL AND answered_at IS NULL;
CREATE INDEX command_changed ON remote.command (changed_in);

-- At most one word of each sort a command: that it was accepted, how it ended, and the first that speaks against those.
CREATE TABLE remote.result (
    uid         text        NOT NULL,
    number      bigint      NOT NULL,
    sort        text        NOT NULL CHECK (sort IN ('accepted', 'final', 'contradiction')),
    outcome     text        NOT NULL CHECK (outcome IN ('accepted', 'done', 'refused')),
    compact     bytea       NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (uid, number, sort),
    FOREIGN KEY (uid, number) REFERENCES remote.command
);

CREATE FUNCTION remote.keep_command() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.uid, NEW.number, NEW.kind, NEW.payload, NEW.issued_at, NEW.expires_at, NEW.request_id)
       IS DISTINCT FROM (OLD.uid, OLD.number, OLD.kind, OLD.payload, OLD.issued_at, OLD.expires_at, OLD.request_id)
       OR (OLD.compact IS NOT NULL AND (NEW.kid, NEW.digest, NEW.compact, NEW.signed_at)
           IS DISTINCT FROM (OLD.kid, OLD.digest, OLD.compact, OLD.signed_at))
       OR (OLD.fetched_at IS NOT NULL AND NEW.fetched_at IS DISTINCT FROM OLD.fetched_at)
       OR (OLD.superseded_by IS NOT NULL AND (NEW.superseded_by, NEW.superseded_at)
           IS DISTINCT FROM (OLD.superseded_by, OLD.superseded_at))
       OR (OLD.answered_at IS NOT NULL AND NEW.answered_at IS DISTINCT FROM OLD.answered_at) THEN
        RAISE EXCEPTION 'a command stays what it is' USING ERRCODE = 'check_violation';
    END IF;
    NEW.changed_in := pg_current_xact_id();
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON remote.command FOR EACH ROW EXECUTE FUNCTION remote.keep_command();

CREATE FUNCTION remote.refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'commands and their results are never removed (%)', TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON remote.command
    FOR EACH STATEMENT EXECUTE FUNCTION remote.refuse_removal();
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON remote.result
    FOR EACH STATEMENT EXECUTE FUNCTION remote.refuse_removal();

CREATE FUNCTION remote.announce_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('remote', '');
    RETURN NULL;
END $$;
CREATE TRIGGER announce AFTER INSERT OR UPDATE ON remote.command
    FOR EACH STATEMENT EXECUTE FUNCTION remote.announce_change();
