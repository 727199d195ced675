-- Witnesses of the ledger: policies in force one after the other, what each witness has cosigned, and contradictions.
CREATE SCHEMA witnesses;

-- The newest policy is in force. entry_index is the ledger's entry of the change (0x0B), none until it is published.
CREATE TABLE witnesses.policy (
    version     bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    content     bytea       NOT NULL CHECK (octet_length(content) BETWEEN 1 AND 65536),
    reason      text        NOT NULL,
    asked_by    text        NOT NULL,
    approved_by text        NOT NULL,
    taken_at    timestamptz NOT NULL,
    entry_index bigint
);

-- Where a witness stands, by its public key in text form. size is what it has cosigned last as far as we know.
CREATE TABLE witnesses.standing (
    verifier_key text        PRIMARY KEY,
    size         bigint      NOT NULL DEFAULT 0 CHECK (size >= 0),
    since        timestamptz NOT NULL,
    cosigned_at  timestamptz,
    trouble      text        NOT NULL DEFAULT '',
    troubled_at  timestamptz
);

-- One line a witness and size, the newest.
CREATE TABLE witnesses.cosignature (
    tree_size    bigint      NOT NULL,
    verifier_key text        NOT NULL,
    line         text        NOT NULL,
    cosigned_at  timestamptz NOT NULL,
    PRIMARY KEY (tree_size, verifier_key)
);

-- Checkpoints that the policy's quorum has cosigned; met_at is when it was met last, version the policy's.
CREATE TABLE witnesses.quorum (
    tree_size bigint      PRIMARY KEY,
    met_at    timestamptz NOT NULL,
    version   bigint      NOT NULL REFERENCES witnesses.policy
);

-- Two signed heads that cannot both be true; each pair once.
CREATE TABLE witnesses.conflict (
    conflict_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    found_at    timestamptz NOT NULL,
    reported_by text        NOT NULL CHECK (reported_by <> ''),
    what        text        NOT NULL CHECK (what IN ('another root', 'beyond our tree', 'proof refused')),
    tree_size   bigint      NOT NULL,
    ours        bytea       NOT NULL,
    theirs      bytea       NOT NULL,
    fingerprint bytea       NOT NULL UNIQUE CHECK (octet_length(fingerprint) = 32),
    entry_index bigint
);

-- Policies and conflicts are facts: nothing of them changes but the entry that is noted once.
CREATE FUNCTION witnesses.keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.entry_index IS NOT NULL OR to_jsonb(NEW) - 'entry_index' IS DISTINCT FROM to_jsonb(OLD) - 'entry_index' THEN
        RAISE EXCEPTION 'what stands in % stays', TG_TABLE_NAME USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION witnesses.refuse_removal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never removed', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['policy', 'conflict'] LOOP
        EXECUTE format('CREATE TRIGGER keep BEFORE UPDATE ON witnesses.%I
                        FOR EACH ROW EXECUTE FUNCTION witnesses.keep()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['policy', 'standing', 'cosignature', 'quorum', 'conflict'] LOOP
        EXECUTE format('CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON witnesses.%I
                        FOR EACH STATEMENT EXECUTE FUNCTION witnesses.refuse_removal()', name);
    END LOOP;
END $$;
