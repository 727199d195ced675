-- Tokens of the timestamp authority: the intent is committed before the key is asked. digest is the SHA-256 of what is
-- signed, imprint what was handed in. A serial number is 16 bytes, and once.
CREATE TABLE pki.timestamp (
    serial   bytea       PRIMARY KEY CHECK (octet_length(serial) = 16),
    key_hash bytea       NOT NULL CHECK (octet_length(key_hash) = 32),
    imprint  bytea       NOT NULL CHECK (octet_length(imprint) BETWEEN 32 AND 64),
    digest   bytea       NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    made_at  timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE INDEX timestamp_by_moment ON pki.timestamp (made_at);
CREATE INDEX timestamp_open ON pki.timestamp (made_at) WHERE ended_at IS NULL;
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON pki.timestamp
    FOR EACH STATEMENT EXECUTE FUNCTION pki.refuse_removal();

CREATE FUNCTION pki.keep_timestamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.serial, NEW.key_hash, NEW.imprint, NEW.digest, NEW.made_at)
       IS DISTINCT FROM (OLD.serial, OLD.key_hash, OLD.imprint, OLD.digest, OLD.made_at) THEN
        RAISE EXCEPTION 'a token that was begun stays as it is' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON pki.timestamp FOR EACH ROW EXECUTE FUNCTION pki.keep_timestamp();

-- Lists of trust: what a verifier needs, signed. A number is given once; what was signed stays.
CREATE TABLE pki.trust_list (
    number       bigint      PRIMARY KEY CHECK (number > 0),
    facts_hash   bytea       NOT NULL CHECK (octet_length(facts_hash) = 32),
    issued_at    timestamptz NOT NULL,
    next_update  timestamptz NOT NULL CHECK (issued_at < next_update),
    digest       bytea       NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    list         text,
    ledger_index bigint      CHECK (ledger_index IS NULL OR list IS NOT NULL)
);
CREATE FUNCTION pki.keep_trust_list() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.list IS NOT NULL AND (NEW.facts_hash, NEW.issued_at, NEW.next_update, NEW.digest, NEW.list)
       IS DISTINCT FROM (OLD.facts_hash, OLD.issued_at, OLD.next_update, OLD.digest, OLD.list) THEN
        RAISE EXCEPTION 'a list that was signed stays as it is' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON pki.trust_list FOR EACH ROW EXECUTE FUNCTION pki.keep_trust_list();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON pki.trust_list
    FOR EACH STATEMENT EXECUTE FUNCTION pki.refuse_removal();

ALTER TABLE pki.key_use DROP CONSTRAINT key_use_purpose_check;
ALTER TABLE pki.key_use ADD CONSTRAINT key_use_purpose_check CHECK (purpose IN ('certificate', 'list', 'trust-list'));

-- Who a certificate names, for those who search by name: found by its words.
ALTER TABLE pki.issuance ADD COLUMN subject text NOT NULL DEFAULT '';
CREATE INDEX issuance_by_subject ON pki.issuance USING gin (to_tsvector('simple', subject));
CREATE INDEX issuance_by_serial ON pki.issuance (serial);
