-- The salt of the commitment to a buyer's identification that an entry's record holds. It is all that opens the
-- commitment, and the only row of the ledger that may go: with the body, by the same order of two officers, once a
-- lawful tombstone stands in the body's place (0015_erasure.sql).
CREATE TABLE ledger.buyer_salts (
    log_index bigint PRIMARY KEY,
    salt bytea STORAGE PLAIN NOT NULL CHECK (octet_length(salt) = 32)
);
ALTER TABLE ledger.buyer_salts ALTER COLUMN salt SET STATISTICS 0;
ALTER TABLE ledger.buyer_salts SET (autovacuum_analyze_scale_factor = 1);

CREATE FUNCTION ledger.only_lawful_forgetting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
       AND current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
       AND EXISTS (
           SELECT 1 FROM ledger.leaves l
           JOIN ledger.bodies b ON b.month = l.month AND b.tin = l.tin AND b.log_index = l.log_index
           WHERE l.log_index = OLD.log_index AND octet_length(b.body) = 0
             AND b.media_type ~ '^application/vnd\.tallystick\.erased; entry=(0|[1-9][0-9]{0,17})$'
       ) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the ledger only grows: % of % refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON ledger.buyer_salts
    FOR EACH ROW EXECUTE FUNCTION ledger.only_lawful_forgetting();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON ledger.buyer_salts
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- Body and salt go in one transaction. A tombstone that was made before this table was has no salt to lose.
CREATE OR REPLACE FUNCTION eraser.erase(erased bigint, ordered bigint) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    gone boolean;
BEGIN
    UPDATE ledger.bodies b SET body = ''::bytea, media_type = 'application/vnd.tallystick.erased; entry=' || ordered
    FROM ledger.leaves l
    WHERE l.log_index = erased AND b.month = l.month AND b.tin = l.tin AND b.log_index = l.log_index
      AND octet_length(b.body) > 0;
    gone := FOUND;
    DELETE FROM ledger.buyer_salts s WHERE s.log_index = erased;
    RETURN gone;
END $$;
