-- The national PKI: authorities, what they began to issue and issued, lists, codes, and each use of their keys.
-- Hashes are 32 bytes (SHA-256): of a certificate's DER, of the signed part (tbs), of SubjectPublicKeyInfo (key).
CREATE SCHEMA pki;

CREATE FUNCTION pki.refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what an authority did is never removed (%)', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TABLE pki.authority (
    name             text        PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    certificate      bytea       NOT NULL,
    certificate_hash bytea       NOT NULL UNIQUE CHECK (octet_length(certificate_hash) = 32),
    key_hash         bytea       NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
    not_before       timestamptz NOT NULL,
    not_after        timestamptz NOT NULL CHECK (not_before < not_after),
    entered_at       timestamptz NOT NULL
);

-- intent: both linters passed, nothing is signed yet. issued: the certificate exists. void: it was begun and never
-- finished; its serial number stands on the list for good.
CREATE TABLE pki.issuance (
    issuance_id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    authority        text        NOT NULL REFERENCES pki.authority,
    profile          text        NOT NULL CHECK (profile <> ''),
    serial           bytea       NOT NULL CHECK (octet_length(serial) BETWEEN 1 AND 20),
    request_hash     bytea       NOT NULL CHECK (octet_length(request_hash) = 32),
    tbs_hash         bytea       NOT NULL UNIQUE CHECK (octet_length(tbs_hash) = 32),
    key_hash         bytea       NOT NULL CHECK (octet_length(key_hash) = 32),
    holder           text        NOT NULL CHECK (holder <> ''),
    tin              text        NOT NULL DEFAULT '',
    requested_by     text        NOT NULL CHECK (requested_by <> ''),
    purpose          text        NOT NULL,
    not_before       timestamptz NOT NULL,
    not_after        timestamptz NOT NULL CHECK (not_before < not_after),
    state            text        NOT NULL CHECK (state IN ('intent', 'issued', 'void')),
    begun_at         timestamptz NOT NULL,
    ended_at         timestamptz CHECK ((ended_at IS NULL) = (state = 'intent')),
    certificate      bytea       CHECK ((certificate IS NULL) = (state <> 'issued')),
    certificate_hash bytea       UNIQUE CHECK ((certificate_hash IS NULL) = (certificate IS NULL)),
    ledger_index     bigint      CHECK (ledger_index IS NULL OR state = 'issued'),
    UNIQUE (authority, serial)
);
CREATE UNIQUE INDEX issuance_once ON pki.issuance (request_hash) WHERE state <> 'void';
CREATE INDEX issuance_of_holder ON pki.issuance (holder, issuance_id);
CREATE INDEX issuance_of_taxpayer ON pki.issuance (tin) WHERE tin <> '';
CREATE INDEX issuance_begun ON pki.issuance (begun_at) WHERE state = 'intent';
CREATE INDEX issuance_void ON pki.issuance (authority) WHERE state = 'void';
CREATE INDEX issuance_unpublished ON pki.issuance (issuance_id) WHERE state = 'issued' AND ledger_index IS NULL;

CREATE FUNCTION pki.keep_issuance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.issuance_id, NEW.authority, NEW.profile, NEW.serial, NEW.request_hash, NEW.tbs_hash, NEW.key_hash,
        NEW.holder, NEW.tin, NEW.requested_by, NEW.purpose, NEW.not_before, NEW.not_after, NEW.begun_at)
       IS DISTINCT FROM
       (OLD.issuance_id, OLD.authority, OLD.profile, OLD.serial, OLD.request_hash, OLD.tbs_hash, OLD.key_hash,
        OLD.holder, OLD.tin, OLD.requested_by, OLD.purpose, OLD.not_before, OLD.not_after, OLD.begun_at)
       OR (OLD.state <> 'intent' AND (NEW.state, NEW.ended_at, NEW.certificate) IS DISTINCT FROM
                                     (OLD.state, OLD.ended_at, OLD.certificate))
       OR (OLD.ledger_index IS NOT NULL AND NEW.ledger_index IS DISTINCT FROM OLD.ledger_index) THEN
        RAISE EXCEPTION 'what was certified stays as it is' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON pki.issuance FOR EACH ROW EXECUTE FUNCTION pki.keep_issuance();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON pki.issuance
    FOR EACH STATEMENT EXECUTE FUNCTION pki.refuse_removal();

-- One holder for each key: the row that comes first wins, whoever asks at the same moment.
CREATE TABLE pki.certified_key (
    key_hash bytea       PRIMARY KEY CHECK (octet_length(key_hash) = 32),
    holder   text        NOT NULL CHECK (holder <> ''),
    since    timestamptz NOT NULL
);
CREATE TRIGGER never_removed BEFORE UPDATE OR DELETE OR TRUNCATE ON pki.certified_key
    FOR EACH STATEMENT EXECUTE FUNCTION pki.refuse_removal();

-- Keys that nobody may have: leaked, or made by a broken generator.
CREATE TABLE pki.blocked_key (
    key_hash  bytea       PRIMARY KEY CHECK (octet_length(key_hash) = 32),
    why       text        NOT NULL,
    listed_at timestamptz NOT NULL
);

-- One-time codes. Only the hash is kept; a device has at most one that can be used.
CREATE TABLE pki.enrolment_code (
    code_hash    bytea       PRIMARY KEY CHECK (octet_length(code_hash) = 32),
    device       text        NOT NULL CHECK (device <> ''),
    device_class smallint    NOT NULL,
    issued_by    text        NOT NULL CHECK (issued_by <> ''),
    issued_at    timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL CHECK (expires_at <= issued_at + interval '72 hours'),
    used_for     bytea       CHECK (octet_length(used_for) = 32),
    ended_at     timestamptz CHECK (used_for IS NULL OR ended_at IS NOT NULL)
);
CREATE UNIQUE INDEX enrolment_code_open ON pki.enrolment_code (device) WHERE ended_at IS NULL;

CREATE TABLE pki.revocation_list (
    authority    text        NOT NULL REFERENCES pki.authority,
    number       bigint      NOT NULL CHECK (number > 0),
    this_update  timestamptz NOT NULL,
    next_update  timestamptz NOT NULL CHECK (this_update < next_update),
    revoked      integer     NOT NULL,
    tbs_hash     bytea       NOT NULL CHECK (octet_length(tbs_hash) = 32),
    list         bytea,
    list_hash    bytea       CHECK ((list_hash IS NULL) = (list IS NULL)),
    ledger_index bigint,
    PRIMARY KEY (authority, number)
);
CREATE INDEX revocation_list_unpublished ON pki.revocation_list (authority, number)
    WHERE list IS NOT NULL AND ledger_index IS NULL;

CREATE FUNCTION pki.keep_list() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.list IS NOT NULL AND (NEW.this_update, NEW.next_update, NEW.revoked, NEW.tbs_hash, NEW.list)
       IS DISTINCT FROM (OLD.this_update, OLD.next_update, OLD.revoked, OLD.tbs_hash, OLD.list) THEN
        RAISE EXCEPTION 'a list that was signed stays as it is' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON pki.revocation_list FOR EACH ROW EXECUTE FUNCTION pki.keep_list();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON pki.revocation_list
    FOR EACH STATEMENT EXECUTE FUNCTION pki.refuse_removal();

-- Each use of an authority's key, written before the key is asked and ended after it answered (security 2.7).
CREATE TABLE pki.key_use (
    use_id   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key_hash bytea       NOT NULL CHECK (octet_length(key_hash) = 32),
    purpose  text        NOT NULL CHECK (purpose IN ('certificate', 'list')),
    digest   bytea       NOT NULL CHECK (octet_length(digest) = 32),
    used_by  text        NOT NULL CHECK (used_by <> ''),
    begun_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX key_use_by_digest ON pki.key_use (digest);
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON pki.key_use
    FOR EACH STATEMENT EXECUTE FUNCTION pki.refuse_removal();
