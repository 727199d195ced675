-- What the intake of the national channels needs of a device, told incrementally: the device with its seller, the
-- certificates that were issued to it, and the place of its registration in the ledger.
ALTER TABLE registry.fiscal_device
    ADD COLUMN form_factor text NOT NULL DEFAULT 'other'
        CHECK (form_factor IN ('smartphone', 'tablet', 'pc', 'pos', 'hardware', 'vehicle', 'server', 'other')),
    ADD COLUMN memory_number text NOT NULL DEFAULT '',
    ADD COLUMN enterprise_number text NOT NULL DEFAULT '',
    ADD COLUMN memory_report text NOT NULL DEFAULT '',
    ADD COLUMN first_certificate bytea CHECK (octet_length(first_certificate) = 32),
    ADD COLUMN registration_index bigint UNIQUE,
    ADD COLUMN genesis bytea CHECK (octet_length(genesis) = 32),
    ADD COLUMN state_reason text NOT NULL DEFAULT '',
    ADD COLUMN changed_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    ADD CHECK ((registration_index IS NULL) = (genesis IS NULL)),
    ADD CHECK (registration_index IS NULL OR first_certificate IS NOT NULL);
CREATE INDEX fiscal_device_changed ON registry.fiscal_device (changed_in);
CREATE INDEX fiscal_device_of_premises ON registry.fiscal_device (premises_id);
CREATE INDEX fiscal_device_unpublished ON registry.fiscal_device (uid)
    WHERE registration_index IS NULL AND first_certificate IS NOT NULL;
CREATE UNIQUE INDEX fiscal_device_memory ON registry.fiscal_device (maker, memory_number) WHERE memory_number <> '';

-- What the ledger was told, or will be, of a device stays as it is from its first certificate on; closed is final.
CREATE FUNCTION registry.keep_device() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.uid <> OLD.uid
       OR (OLD.first_certificate IS NOT NULL
           AND (NEW.device_class, NEW.tin, NEW.maker, NEW.model, NEW.serial_number, NEW.memory_number,
                NEW.first_certificate)
               IS DISTINCT FROM (OLD.device_class, OLD.tin, OLD.maker, OLD.model, OLD.serial_number, OLD.memory_number,
                                 OLD.first_certificate))
       OR (OLD.registration_index IS NOT NULL
           AND (NEW.registration_index, NEW.genesis) IS DISTINCT FROM (OLD.registration_index, OLD.genesis))
       OR (OLD.state = 'closed' AND NEW.state <> 'closed') THEN
        RAISE EXCEPTION 'what a device is registered as stays as it is' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON registry.fiscal_device
    FOR EACH ROW EXECUTE FUNCTION registry.keep_device();

CREATE FUNCTION registry.refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the registry removes nothing (%)', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON registry.fiscal_device
    FOR EACH STATEMENT EXECUTE FUNCTION registry.refuse_removal();

-- Certificates of devices, written by the PKI in the transaction in which they come about. `entered` is their order.
CREATE TABLE registry.device_certificate (
    entered          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    certificate_hash bytea       NOT NULL UNIQUE CHECK (octet_length(certificate_hash) = 32),
    uid              text        NOT NULL REFERENCES registry.fiscal_device,
    device_class     smallint    NOT NULL CHECK (device_class BETWEEN 1 AND 4),
    tin              text        NOT NULL REFERENCES registry.taxpayer,
    authority        text        NOT NULL CHECK (authority <> ''),
    certificate      bytea       NOT NULL,
    not_before       timestamptz NOT NULL,
    not_after        timestamptz NOT NULL CHECK (not_before < not_after),
    entered_at       timestamptz NOT NULL,
    changed_in       xid8        NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX device_certificate_of_device ON registry.device_certificate (uid, entered);
CREATE INDEX device_certificate_changed ON registry.device_certificate (changed_in);
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON registry.device_certificate
    FOR EACH STATEMENT EXECUTE FUNCTION registry.refuse_removal();
CREATE INDEX device_certificate_of_authority ON registry.device_certificate (authority);
-- An authority's own revocation stands under its name, and speaks for all that it certified.
CREATE INDEX revoked_certificate_of_holder ON registry.revoked_certificate (uid);
CREATE INDEX revoked_certificate_changed ON registry.revoked_certificate (changed_in);
CREATE INDEX taxpayer_changed ON registry.taxpayer (changed_in);

ALTER TABLE registry.premises ADD COLUMN changed_in xid8 NOT NULL DEFAULT pg_current_xact_id();
CREATE INDEX premises_changed ON registry.premises (changed_in);
CREATE TRIGGER stamp BEFORE UPDATE ON registry.premises
    FOR EACH ROW EXECUTE FUNCTION registry.stamp_change();
CREATE TRIGGER stamp BEFORE UPDATE ON registry.fiscal_device
    FOR EACH ROW EXECUTE FUNCTION registry.stamp_change();
CREATE TRIGGER announce AFTER INSERT OR UPDATE ON registry.premises
    FOR EACH STATEMENT EXECUTE FUNCTION registry.announce_change();
CREATE TRIGGER announce AFTER INSERT OR UPDATE ON registry.fiscal_device
    FOR EACH STATEMENT EXECUTE FUNCTION registry.announce_change();
CREATE TRIGGER announce AFTER INSERT ON registry.device_certificate
    FOR EACH STATEMENT EXECUTE FUNCTION registry.announce_change();

-- First requests of registers that nobody entered (S1-023). The same request is one row, told by its hash; a serial
-- number may be presented in several ways, of which one is confirmed. Rows are pruned after a time.
CREATE TABLE registry.pending_register (
    pending_id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    presented_hash    bytea       NOT NULL UNIQUE CHECK (octet_length(presented_hash) = 32),
    tin               text        NOT NULL REFERENCES registry.taxpayer,
    device_class      smallint    NOT NULL CHECK (device_class IN (1, 2, 4)),
    maker             text        NOT NULL CHECK (maker <> ''),
    model             text        NOT NULL CHECK (model <> ''),
    serial_number     text        NOT NULL CHECK (serial_number <> ''),
    memory_number     text        NOT NULL,
    form_factor       text        NOT NULL,
    build_id          text        NOT NULL,
    key_hash          bytea       NOT NULL CHECK (octet_length(key_hash) IN (0, 32)),
    maker_certificate bytea       NOT NULL CHECK (octet_length(maker_certificate) IN (0, 32)),
    premises_id       bigint      REFERENCES registry.premises,
    came_from         text        NOT NULL,
    first_at          timestamptz NOT NULL,
    last_at           timestamptz NOT NULL,
    state             text        NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'confirmed', 'refused')),
    uid               text        REFERENCES registry.fiscal_device CHECK ((uid IS NULL) = (state <> 'confirmed')),
    decided_by        text        NOT NULL DEFAULT '' CHECK ((decided_by = '') = (state = 'pending')),
    decided_at        timestamptz CHECK ((decided_at IS NULL) = (state = 'pending')),
    reason            text        NOT NULL DEFAULT '',
    codes             integer     NOT NULL DEFAULT 0,
    codes_since       timestamptz
);
CREATE INDEX pending_register_waiting ON registry.pending_register (tin, pending_id) WHERE state = 'pending';
CREATE INDEX pending_register_from ON registry.pending_register (came_from, first_at);
CREATE INDEX pending_register_of_device ON registry.pending_register (maker, model, serial_number);
CREATE INDEX pending_register_age ON registry.pending_register (last_at);

-- A taxpayer's word in advance: registers of these makers, so many until then, belong to this point.
CREATE TABLE registry.register_rule (
    rule_id     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tin         text        NOT NULL REFERENCES registry.taxpayer,
    premises_id bigint      NOT NULL REFERENCES registry.premises,
    makers      text[]      NOT NULL CHECK (cardinality(makers) BETWEEN 1 AND 20),
    most        integer     NOT NULL CHECK (most BETWEEN 1 AND 1000),
    taken       integer     NOT NULL DEFAULT 0 CHECK (taken <= most),
    until       timestamptz NOT NULL CHECK (until <= set_at + interval '31 days'),
    set_by      text        NOT NULL CHECK (set_by <> ''),
    set_at      timestamptz NOT NULL,
    ended_at    timestamptz
);
CREATE INDEX register_rule_of_taxpayer ON registry.register_rule (tin) WHERE ended_at IS NULL;
