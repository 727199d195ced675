CREATE SCHEMA vsdc;

-- A POS that may ask the hosted signer; its certificate (class 3.2) stands in the registry. The PAC is kept as a keyed
-- hash under a secret that is not in the database.
CREATE TABLE vsdc.pos (
    uid           text        PRIMARY KEY REFERENCES registry.secure_element,
    pac_hash      bytea       NOT NULL CHECK (octet_length(pac_hash) = 32),
    wrong_pacs    integer     NOT NULL DEFAULT 0,
    locked_until  timestamptz,
    enrolled_at   timestamptz NOT NULL DEFAULT now(),
    changed_in    xid8        NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX pos_changed ON vsdc.pos (changed_in);

-- A signing element of the operator (class 3.5); its key lies in the key store under this label.
CREATE TABLE vsdc.signer (
    uid         text        PRIMARY KEY REFERENCES registry.secure_element,
    key_label   text        NOT NULL UNIQUE,
    state       text        NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'retired')),
    added_at    timestamptz NOT NULL DEFAULT now(),
    changed_in  xid8        NOT NULL DEFAULT pg_current_xact_id()
);

-- The newest act of each pair: a number is taken by writing here what will be signed, before it is signed. The act is
-- overwritten by the next one, which is taken only when the ledger has this one.
CREATE TABLE vsdc.pair (
    requested_by   text   NOT NULL REFERENCES vsdc.pos,
    signed_by      text   NOT NULL REFERENCES vsdc.signer,
    total_counter  bigint NOT NULL CHECK (total_counter >= 0),
    act            bytea  NOT NULL,
    PRIMARY KEY (requested_by, signed_by)
) WITH (fillfactor = 50);

-- Which number a POS's request id with these bytes got. The answer itself is made again from the ledger.
CREATE TABLE vsdc.request (
    requested_by   text        NOT NULL,
    request_id     text        NOT NULL,
    request_hash   bytea       NOT NULL CHECK (octet_length(request_hash) = 32),
    signed_by      text        NOT NULL,
    total_counter  bigint      NOT NULL,
    taken_at       timestamptz NOT NULL,
    PRIMARY KEY (requested_by, request_id, request_hash)
);
CREATE INDEX request_by_time ON vsdc.request (taken_at);

CREATE FUNCTION vsdc.stamp_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_in := pg_current_xact_id();
    RETURN NEW;
END $$;

CREATE FUNCTION vsdc.announce_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('vsdc', '');
    RETURN NULL;
END $$;

CREATE TRIGGER stamp BEFORE UPDATE ON vsdc.pos FOR EACH ROW EXECUTE FUNCTION vsdc.stamp_change();
CREATE TRIGGER stamp BEFORE UPDATE ON vsdc.signer FOR EACH ROW EXECUTE FUNCTION vsdc.stamp_change();
CREATE TRIGGER announce AFTER INSERT OR UPDATE ON vsdc.pos
    FOR EACH STATEMENT EXECUTE FUNCTION vsdc.announce_change();
CREATE TRIGGER announce AFTER INSERT OR UPDATE ON vsdc.signer
    FOR EACH STATEMENT EXECUTE FUNCTION vsdc.announce_change();
