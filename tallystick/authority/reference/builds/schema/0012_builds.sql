-- Makers, their builds, and every decision about them. Nothing is ever deleted: receipts name builds of long ago.
CREATE SCHEMA builds;

CREATE TABLE builds.maker (
    maker       text        PRIMARY KEY CHECK (maker ~ '^[a-z0-9][a-z0-9-]{0,31}$'),
    name        text        NOT NULL CHECK (name <> ''),
    release_key bytea       NOT NULL UNIQUE,
    user_id     bigint      REFERENCES registry.app_user,
    is_active   boolean     NOT NULL DEFAULT true,
    since       timestamptz NOT NULL
);

CREATE TABLE builds.build (
    build_id     text        PRIMARY KEY CHECK (build_id ~ '^[0-9a-f]{64}$'),
    maker        text        NOT NULL REFERENCES builds.maker,
    product      text        NOT NULL,
    version      text        NOT NULL,
    class        text        NOT NULL,
    manifest     bytea       NOT NULL,
    state        text        NOT NULL DEFAULT 'submitted'
                 CHECK (state IN ('submitted', 'certified', 'refused', 'suspended', 'revoked')),
    submitted_at timestamptz NOT NULL,
    UNIQUE (maker, product, version, class)
);
CREATE INDEX build_by_state ON builds.build (state, submitted_at DESC);

CREATE TABLE builds.decision (
    decision_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    build_id    text        NOT NULL REFERENCES builds.build,
    state       text        NOT NULL,
    decided_by  text        NOT NULL CHECK (decided_by <> ''),
    reason      text        NOT NULL,
    decided_at  timestamptz NOT NULL,
    entry_index bigint
);
CREATE INDEX decision_of_build ON builds.decision (build_id, decision_id);
CREATE INDEX decision_unpublished ON builds.decision (decision_id) WHERE entry_index IS NULL;

-- Which build a device proved when it last came.
CREATE TABLE builds.proved (
    uid      text        NOT NULL,
    build_id text        NOT NULL,
    first_at timestamptz NOT NULL,
    last_at  timestamptz NOT NULL,
    PRIMARY KEY (uid, build_id)
);
CREATE INDEX proved_by_build ON builds.proved (build_id, last_at DESC);

CREATE FUNCTION builds.keep_build() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.build_id, NEW.maker, NEW.product, NEW.version, NEW.class, NEW.manifest, NEW.submitted_at) IS DISTINCT FROM
       (OLD.build_id, OLD.maker, OLD.product, OLD.version, OLD.class, OLD.manifest, OLD.submitted_at) THEN
        RAISE EXCEPTION 'a build is what its maker signed' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND NOT (
           OLD.state = 'submitted' AND NEW.state IN ('certified', 'refused')
        OR OLD.state = 'certified' AND NEW.state IN ('suspended', 'revoked')
        OR OLD.state = 'suspended' AND NEW.state IN ('certified', 'revoked')) THEN
        RAISE EXCEPTION 'from % a build does not become %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON builds.build FOR EACH ROW EXECUTE FUNCTION builds.keep_build();

CREATE FUNCTION builds.keep_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.decision_id, NEW.build_id, NEW.state, NEW.decided_by, NEW.reason, NEW.decided_at) IS DISTINCT FROM
       (OLD.decision_id, OLD.build_id, OLD.state, OLD.decided_by, OLD.reason, OLD.decided_at)
       OR OLD.entry_index IS NOT NULL THEN
        RAISE EXCEPTION 'what was decided stays' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON builds.decision FOR EACH ROW EXECUTE FUNCTION builds.keep_decision();

CREATE FUNCTION builds.refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'makers, builds and decisions are never removed' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE FUNCTION builds.announce_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('builds', '');
    RETURN NULL;
END $$;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['maker', 'build', 'decision'] LOOP
        EXECUTE format('CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON builds.%I
                        FOR EACH STATEMENT EXECUTE FUNCTION builds.refuse_removal()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['maker', 'build'] LOOP
        EXECUTE format('CREATE TRIGGER announce AFTER INSERT OR UPDATE ON builds.%I
                        FOR EACH STATEMENT EXECUTE FUNCTION builds.announce_change()', name);
    END LOOP;
END $$;
