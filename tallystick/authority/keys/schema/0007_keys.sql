-- The authority's keys. A series (log, poa, package, ...) has one active key; the one before it may still be retiring.
CREATE SCHEMA keys;

CREATE TABLE keys.key (
    label       text        PRIMARY KEY,
    series      text        NOT NULL CHECK (series <> ''),
    purpose     text        NOT NULL,
    public_key  bytea       NOT NULL,
    state       text        NOT NULL CHECK (state IN ('active', 'retiring', 'retired')),
    active_at   timestamptz NOT NULL,
    retires_at  timestamptz,
    CHECK ((state = 'active') = (retires_at IS NULL)),
    CHECK (retires_at > active_at)
);
CREATE UNIQUE INDEX one_active ON keys.key (series) WHERE state = 'active';
CREATE INDEX key_by_series ON keys.key (series, active_at);

-- A key is never taken away nor exchanged: old signatures are checked with it for good.
CREATE FUNCTION keys.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.label, NEW.series, NEW.purpose, NEW.public_key, NEW.active_at)
                          = (OLD.label, OLD.series, OLD.purpose, OLD.public_key, OLD.active_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a key of the authority stays what it is: % of % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER stays BEFORE UPDATE OR DELETE ON keys.key FOR EACH ROW EXECUTE FUNCTION keys.refuse_change();

-- Which key's proofs of audit a card accepts. A card without a row accepts those of the first key of the series.
CREATE TABLE keys.card (
    uid   text PRIMARY KEY,
    label text NOT NULL REFERENCES keys.key
);

-- Uses that need a row: the intent is committed before the key is asked. Checkpoints are explained by the ledger's tree
-- heads, invoices of the hosted signer by the invoices.
CREATE TABLE keys.use (
    use_id       bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    label        text        NOT NULL,
    use          text        NOT NULL,
    digest       bytea       NOT NULL CHECK (octet_length(digest) = 32),
    principal    text        NOT NULL CHECK (principal <> ''),
    request      text        NOT NULL,
    intended_at  timestamptz NOT NULL,
    completed_at timestamptz,
    UNIQUE (label, use, digest)
);
CREATE INDEX use_by_time ON keys.use (intended_at);

-- What the ledger is to be told (0x0B, 0x03): the worker books it and notes the index.
CREATE TABLE keys.event (
    event_id   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       smallint    NOT NULL,
    media_type text        NOT NULL,
    body       bytea       NOT NULL,
    at         timestamptz NOT NULL,
    log_index  bigint
);
CREATE INDEX event_waiting ON keys.event (event_id) WHERE log_index IS NULL;

-- One line a day that was compared: how many signatures, and what nothing explains.
CREATE TABLE keys.reconciled (
    day           date        PRIMARY KEY,
    at            timestamptz NOT NULL,
    uses          bigint      NOT NULL,
    unexplained   bigint      NOT NULL,
    unjournalled  bigint      NOT NULL
);
