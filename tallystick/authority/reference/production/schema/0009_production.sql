-- Production of fiscal modules: batches that two persons open, numbers and keys that are never given twice, the life of
-- each module, printing jobs, and what the tax service is told.
CREATE SCHEMA production;

CREATE TABLE production.batch (
    batch_id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    profile       text        NOT NULL CHECK (profile <> ''),
    order_hash    bytea       NOT NULL UNIQUE CHECK (length(order_hash) = 32),
    ordered       integer     NOT NULL CHECK (ordered > 0),
    blanks        integer     NOT NULL CHECK (blanks >= ordered),
    years         smallint    NOT NULL CHECK (years BETWEEN 3 AND 5),
    state         text        NOT NULL DEFAULT 'asked' CHECK (state IN ('asked', 'open', 'closed', 'refused')),
    request_id    bigint,
    asked_by      text        NOT NULL CHECK (asked_by <> ''),
    asked_at      timestamptz NOT NULL,
    opened_by     text,
    opened_at     timestamptz,
    closed_by     text,
    closed_at     timestamptz,
    counted_good  integer,
    counted_spoilt integer,
    counted_left  integer,
    CHECK ((opened_at IS NULL) = (state IN ('asked', 'refused'))),
    CHECK ((opened_at IS NULL) = (opened_by IS NULL)),
    CHECK (opened_by IS NULL OR opened_by <> asked_by),
    CHECK ((closed_at IS NOT NULL) = (state = 'closed')),
    CHECK (state <> 'closed' OR (counted_good = ordered AND counted_good + counted_spoilt + counted_left = blanks))
);

-- For whom each module of a batch is. Amounts are the currency unit x 10000.
CREATE TABLE production.order_line (
    batch_id      bigint  NOT NULL REFERENCES production.batch,
    line          integer NOT NULL CHECK (line > 0),
    tin           text    NOT NULL,
    business_name text    NOT NULL,
    location_name text    NOT NULL,
    address       text    NOT NULL,
    district      text    NOT NULL,
    city          text    NOT NULL,
    given_name    text    NOT NULL,
    surname       text    NOT NULL,
    limit_amount  bigint  NOT NULL CHECK (limit_amount > 0),
    form_factor   text    NOT NULL CHECK (form_factor IN ('card', 'usb-key')),
    PRIMARY KEY (batch_id, line)
);

-- One row for each blank that was taken out of the box, good or not. pin_sealed is closed to the printer of the letter
-- and goes when the letter has been printed.
CREATE TABLE production.module (
    module_id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id           bigint      NOT NULL,
    line               integer     NOT NULL,
    slot               integer     NOT NULL CHECK (slot > 0),
    state              text        NOT NULL DEFAULT 'blank',
    controller         text,
    protocols          text,
    tested             text,
    number             text        UNIQUE CHECK (number ~ '^[A-Z0-9]{8}$'),
    certificate        bytea,
    client_certificate bytea,
    pin_sealed         bytea,
    visual_printed_at  timestamptz,
    letter_printed_at  timestamptz,
    spoilt_at          timestamptz,
    spoilt_because     text,
    place              text        NOT NULL DEFAULT '',
    taken_at           timestamptz NOT NULL,
    changed_at         timestamptz NOT NULL,
    FOREIGN KEY (batch_id, line) REFERENCES production.order_line,
    UNIQUE (batch_id, slot),
    CHECK ((spoilt_at IS NULL) = (spoilt_because IS NULL)),
    CHECK (state <> 'spoilt' OR spoilt_at IS NOT NULL),
    CHECK (number IS NOT NULL OR state IN ('blank', 'installed', 'spoilt', 'destroyed')),
    CHECK (letter_printed_at IS NULL OR pin_sealed IS NULL)
);
CREATE UNIQUE INDEX module_of_line ON production.module (batch_id, line) WHERE spoilt_at IS NULL;

-- Every number that was ever given, and every public key that ever came out of a module.
CREATE TABLE production.number (
    number      text        PRIMARY KEY CHECK (number ~ '^[A-Z0-9]{8}$'),
    module_id   bigint      NOT NULL UNIQUE REFERENCES production.module,
    assigned_at timestamptz NOT NULL
);
CREATE TABLE production.public_key (
    key_hash    bytea       PRIMARY KEY CHECK (length(key_hash) = 32),
    module_id   bigint      NOT NULL REFERENCES production.module,
    use         text        NOT NULL CHECK (use IN ('signing', 'client')),
    spki        bytea       NOT NULL,
    received_at timestamptz NOT NULL,
    UNIQUE (module_id, use)
);

CREATE TABLE production.print_job (
    job_id     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id   bigint      NOT NULL REFERENCES production.batch,
    kind       text        NOT NULL CHECK (kind IN ('visual', 'letters')),
    state      text        NOT NULL DEFAULT 'made' CHECK (state IN ('made', 'done')),
    modules    bigint[]    NOT NULL CHECK (cardinality(modules) > 0),
    printed    integer     CHECK (printed BETWEEN 0 AND cardinality(modules)),
    reason     text        NOT NULL DEFAULT '',
    made_by    text        NOT NULL,
    made_at    timestamptz NOT NULL,
    done_at    timestamptz,
    CHECK ((state = 'done') = (done_at IS NOT NULL)),
    CHECK ((state = 'done') = (printed IS NOT NULL))
);
-- While one job of a kind is on the printer, no second one is made.
CREATE UNIQUE INDEX print_job_open ON production.print_job (batch_id, kind) WHERE state = 'made';

-- What the tax service is told, oldest first for each module. The bytes are fixed when the deed is done.
CREATE TABLE production.report (
    report_id  bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    module_id  bigint      NOT NULL REFERENCES production.module,
    deed       text        NOT NULL CHECK (deed <> ''),
    body       bytea       NOT NULL,
    state      text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'accepted', 'refused')),
    attempts   integer     NOT NULL DEFAULT 0,
    next_at    timestamptz NOT NULL,
    answer     text        NOT NULL DEFAULT '',
    decided_at timestamptz,
    CHECK ((state = 'waiting') = (decided_at IS NULL))
);
CREATE INDEX report_waiting ON production.report (next_at) WHERE state = 'waiting';
CREATE INDEX report_of_module ON production.report (module_id);

-- The table of lifecycle.py, once more where nobody can pass it by.
CREATE FUNCTION production.keep_life() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.module_id <> OLD.module_id OR (NEW.batch_id, NEW.line, NEW.slot) <> (OLD.batch_id, OLD.line, OLD.slot)
       OR OLD.number IS NOT NULL AND NEW.number IS DISTINCT FROM OLD.number
       OR OLD.certificate IS NOT NULL AND NEW.certificate IS DISTINCT FROM OLD.certificate
       OR OLD.client_certificate IS NOT NULL AND NEW.client_certificate IS DISTINCT FROM OLD.client_certificate
       OR OLD.spoilt_at IS NOT NULL AND NEW.spoilt_at IS DISTINCT FROM OLD.spoilt_at THEN
        RAISE EXCEPTION 'what a module is stays' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND NOT (OLD.state || ' ' || NEW.state = ANY (ARRAY[
        'blank installed', 'blank spoilt', 'installed numbered', 'installed spoilt', 'numbered keyed',
        'numbered spoilt', 'keyed certified', 'keyed spoilt', 'certified personalised', 'certified spoilt',
        'personalised recorded', 'personalised spoilt', 'recorded stock', 'recorded spoilt',
        'stock shipped', 'stock handed-over', 'stock missing', 'stock damaged', 'stock recalled',
        'shipped stock', 'shipped handed-over', 'shipped missing', 'shipped damaged', 'shipped recalled',
        'handed-over lost', 'handed-over damaged', 'handed-over recalled', 'handed-over closed',
        'lost handed-over', 'lost closed', 'recalled returned', 'recalled closed', 'closed returned',
        'spoilt destroyed', 'missing destroyed', 'damaged destroyed', 'returned destroyed'])) THEN
        RAISE EXCEPTION 'from % a module does not become %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_life BEFORE UPDATE ON production.module FOR EACH ROW EXECUTE FUNCTION production.keep_life();

CREATE FUNCTION production.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of %.% is never allowed', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON production.number
    FOR EACH STATEMENT EXECUTE FUNCTION production.refuse();
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON production.public_key
    FOR EACH STATEMENT EXECUTE FUNCTION production.refuse();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON production.module
    FOR EACH STATEMENT EXECUTE FUNCTION production.refuse();
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON production.order_line
    FOR EACH STATEMENT EXECUTE FUNCTION production.refuse();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON production.report
    FOR EACH STATEMENT EXECUTE FUNCTION production.refuse();
