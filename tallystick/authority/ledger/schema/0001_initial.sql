-- The ledger: append-only bodies, records, leaves and four links, each in its own table and order, and the tree over
-- all of them. Hashes are 32 bytes, times Unix milliseconds UTC, amounts integers x 10000, months (year - 1970) * 12 +
-- month - 1 of the day of receipt in UTC.

CREATE SCHEMA ledger;

-- Who may write. A sequencer reads its epoch FOR SHARE in every batch; taking over raises it, and so waits for the batch.
CREATE TABLE ledger.lease (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint NOT NULL,
    holder text NOT NULL,
    taken_at_ms bigint NOT NULL
);
INSERT INTO ledger.lease (epoch, holder, taken_at_ms) VALUES (0, '', 0);

-- What is booked already. An act names its signer and its number, so both unique keys begin with them and grow at the
-- signer's end only; an event (no signer) is told by its bytes. Not partitioned: identity has no time.
CREATE TABLE ledger.identity (
    signed_by text COLLATE "C" NOT NULL,
    se_total bigint NOT NULL,
    requested_by text COLLATE "C" NOT NULL,
    act_hash bytea NOT NULL,
    body_hash bytea NOT NULL,
    log_index bigint NOT NULL,
    month integer NOT NULL,
    tin text COLLATE "C" NOT NULL,
    verdict smallint NOT NULL
);
ALTER TABLE ledger.identity ADD CONSTRAINT identity_act UNIQUE (signed_by, se_total, act_hash);
CREATE UNIQUE INDEX identity_number ON ledger.identity (signed_by, requested_by, se_total) WHERE signed_by <> '';

-- The exact bytes as received. Partitioned by month, the taxpayer in the key; the index first, so that the key grows at
-- its end.
CREATE TABLE ledger.bodies (
    month integer NOT NULL,
    tin text COLLATE "C" NOT NULL,
    log_index bigint NOT NULL,
    media_type text NOT NULL,
    body bytea STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (log_index, month, tin)
) PARTITION BY LIST (month);

-- The private record and the salt of its commitment.
CREATE TABLE ledger.records (
    month integer NOT NULL,
    tin text COLLATE "C" NOT NULL,
    log_index bigint NOT NULL,
    salt bytea STORAGE PLAIN NOT NULL,
    record bytea STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (log_index, month, tin)
) PARTITION BY LIST (month);

-- The public leaves in the order of the log; month and tin find the body and the record.
CREATE TABLE ledger.leaves (
    log_index bigint PRIMARY KEY,
    leaf bytea STORAGE PLAIN NOT NULL,
    month integer NOT NULL,
    tin text COLLATE "C" NOT NULL
);

CREATE TABLE ledger.device_links (
    signed_by text COLLATE "C" NOT NULL,
    requested_by text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    body_hash bytea STORAGE PLAIN NOT NULL,
    link bytea STORAGE PLAIN NOT NULL,
    log_index bigint NOT NULL,
    PRIMARY KEY (signed_by, requested_by, seq)
);

CREATE TABLE ledger.taxpayer_links (
    tin text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    body_hash bytea STORAGE PLAIN NOT NULL,
    link bytea STORAGE PLAIN NOT NULL,
    log_index bigint NOT NULL,
    PRIMARY KEY (tin, seq)
);

CREATE TABLE ledger.type_links (
    document_type integer NOT NULL,
    seq bigint NOT NULL,
    body_hash bytea STORAGE PLAIN NOT NULL,
    link bytea STORAGE PLAIN NOT NULL,
    log_index bigint NOT NULL,
    PRIMARY KEY (document_type, seq)
);

-- total is the running total of the day, modulo 2^64 in two's complement.
CREATE TABLE ledger.day_links (
    day integer NOT NULL,
    seq bigint NOT NULL,
    body_hash bytea STORAGE PLAIN NOT NULL,
    total bigint NOT NULL,
    link bytea STORAGE PLAIN NOT NULL,
    log_index bigint NOT NULL,
    PRIMARY KEY (day, seq)
);

-- Where each sequence stands; totals are modulo 2^64 in two's complement. Room on the pages keeps the updates in place.
CREATE TABLE ledger.device_heads (
    signed_by text COLLATE "C" NOT NULL,
    requested_by text COLLATE "C" NOT NULL,
    tin text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    link bytea STORAGE PLAIN NOT NULL,
    highest_ordinal bigint NOT NULL,
    missing bigint NOT NULL,
    total bigint NOT NULL,
    certificate_hash bytea STORAGE PLAIN NOT NULL,
    registration_index bigint NOT NULL,
    PRIMARY KEY (signed_by, requested_by)
) WITH (fillfactor = 50);

CREATE TABLE ledger.taxpayer_heads (
    tin text COLLATE "C" PRIMARY KEY,
    seq bigint NOT NULL,
    link bytea STORAGE PLAIN NOT NULL,
    total bigint NOT NULL,
    salt bytea STORAGE PLAIN NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE ledger.type_heads (
    document_type integer PRIMARY KEY,
    seq bigint NOT NULL,
    link bytea STORAGE PLAIN NOT NULL,
    total bigint NOT NULL
) WITH (fillfactor = 20);

CREATE TABLE ledger.day_heads (
    day integer PRIMARY KEY,
    seq bigint NOT NULL,
    link bytea STORAGE PLAIN NOT NULL,
    total bigint NOT NULL
) WITH (fillfactor = 20);

-- Ordinals below a device's highest that have not arrived, as ranges named by their end; an empty range (first > last)
-- is one that has been filled, for nothing is ever deleted here.
CREATE TABLE ledger.holes (
    signed_by text COLLATE "C" NOT NULL,
    requested_by text COLLATE "C" NOT NULL,
    last_ordinal bigint NOT NULL,
    first_ordinal bigint NOT NULL,
    PRIMARY KEY (signed_by, requested_by, last_ordinal)
);
CREATE INDEX holes_open ON ledger.holes (signed_by, requested_by, last_ordinal) WHERE first_ordinal <= last_ordinal;

-- Full tiles of 256 hashes; root is the node above them, an entry of the next level's tile.
CREATE TABLE ledger.tiles (
    level smallint NOT NULL,
    tile_index bigint NOT NULL,
    hashes bytea STORAGE EXTERNAL NOT NULL,
    root bytea STORAGE PLAIN NOT NULL,
    PRIMARY KEY (level, tile_index)
);

-- One row a batch; the newest is the state of the tree. waits counts the batch's documents by their time from receipt
-- to commit, one u16 for each bound of tallystick.authority.ledger.waits.
CREATE TABLE ledger.tree_state (
    batch bigint PRIMARY KEY,
    tree_size bigint NOT NULL UNIQUE,
    root bytea STORAGE PLAIN NOT NULL,
    right_edge bytea STORAGE PLAIN NOT NULL,
    epoch bigint NOT NULL,
    closed_at_ms bigint NOT NULL,
    total_bytes bigint NOT NULL,
    waits bytea STORAGE PLAIN NOT NULL
);

-- Signed heads. One is stored only after its batch is committed, confirmed, mirrored and signed, so the newest tells
-- how far the ledger may be shown.
CREATE TABLE ledger.checkpoints (
    tree_size bigint PRIMARY KEY,
    note bytea STORAGE PLAIN NOT NULL
);

-- Every question goes by a key, so the planner needs no statistics of hashes and bodies, nor new ones all the time.
DO $$
DECLARE
    of record;
BEGIN
    FOR of IN SELECT c.oid::regclass AS name, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
              WHERE c.relnamespace = 'ledger'::regnamespace AND c.relkind IN ('r', 'p') AND a.atttypid = 'bytea'::regtype
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', of.name, of.attname);
    END LOOP;
    FOR of IN SELECT c.oid::regclass AS name FROM pg_class c
              WHERE c.relnamespace = 'ledger'::regnamespace AND c.relkind = 'r'
    LOOP
        EXECUTE format('ALTER TABLE %s SET (autovacuum_analyze_scale_factor = 1)', of.name);
    END LOOP;
END $$;

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger only grows: % of % refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['identity', 'bodies', 'records', 'leaves', 'device_links', 'taxpayer_links',
                                'type_links', 'day_links', 'tiles', 'tree_state', 'checkpoints'] LOOP
        EXECUTE format('CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON ledger.%I
                        FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change()', name);
        EXECUTE format('CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger.%I
                        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', name);
    END LOOP;
    FOREACH name IN ARRAY ARRAY['lease', 'device_heads', 'taxpayer_heads', 'type_heads', 'day_heads', 'holes'] LOOP
        EXECUTE format('CREATE TRIGGER never_emptied BEFORE DELETE OR TRUNCATE ON ledger.%I
                        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', name);
    END LOOP;
END $$;

-- Makes the partitions of a month. The sequencer may call it and owns nothing; a month that cannot be ours is refused.
CREATE FUNCTION ledger.ensure_month(wanted integer) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    parent text;
    part text;
BEGIN
    IF wanted NOT BETWEEN 0 AND 12 * 230 THEN
        RAISE EXCEPTION 'month % lies outside 1970 to 2199', wanted;
    END IF;
    FOREACH parent IN ARRAY ARRAY['bodies', 'records'] LOOP
        part := format('%s_%s_%s', parent, 1970 + wanted / 12, lpad((wanted % 12 + 1)::text, 2, '0'));
        IF to_regclass('ledger.' || part) IS NULL THEN
            EXECUTE format('CREATE TABLE ledger.%I (LIKE ledger.%I INCLUDING ALL)
                            WITH (toast_tuple_target = 8160, autovacuum_analyze_scale_factor = 1)', part, parent);
            EXECUTE format('ALTER TABLE ledger.%I ALTER COLUMN %I SET STATISTICS 0', part,
                           CASE parent WHEN 'bodies' THEN 'body' ELSE 'record' END);
            EXECUTE format('ALTER TABLE ledger.%I ATTACH PARTITION ledger.%I FOR VALUES IN (%s)', parent, part, wanted);
        END IF;
    END LOOP;
END $$;
