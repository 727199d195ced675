-- The one change that a body may suffer: a tombstone, by the owner's function alone, and only when the ledger holds,
-- behind its gate, an entry of kind 07 that names this entry and the hash of the very body (security 5.9).
CREATE FUNCTION ledger.only_lawful_tombstones() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ordered bigint;
BEGIN
    IF TG_OP = 'UPDATE'
       AND current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
       AND (NEW.month, NEW.tin, NEW.log_index) = (OLD.month, OLD.tin, OLD.log_index)
       AND octet_length(NEW.body) = 0 AND octet_length(OLD.body) > 0
       AND NEW.media_type ~ '^application/vnd\.tallystick\.erased; entry=(0|[1-9][0-9]{0,17})$' THEN
        ordered := substring(NEW.media_type FROM '[0-9]+$')::bigint;
        IF EXISTS (
            SELECT 1 FROM ledger.leaves l
            JOIN ledger.bodies b ON b.month = l.month AND b.tin = l.tin AND b.log_index = l.log_index
            WHERE l.log_index = ordered AND get_byte(l.leaf, 4) = 7
              AND l.log_index < (SELECT max(tree_size) FROM ledger.checkpoints)
              AND convert_from(b.body, 'UTF8')::jsonb -> 'erased' ->> OLD.log_index::text
                  = encode(sha256(OLD.body), 'hex')
        ) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'the ledger only grows: % of % refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$;
DROP TRIGGER only_grows ON ledger.bodies;
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON ledger.bodies
    FOR EACH ROW EXECUTE FUNCTION ledger.only_lawful_tombstones();

-- The eraser's only door, in a schema of its own, so that no other role gets it with the rights on the ledger.
CREATE SCHEMA eraser;
CREATE FUNCTION eraser.erase(erased bigint, ordered bigint) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE ledger.bodies b SET body = ''::bytea, media_type = 'application/vnd.tallystick.erased; entry=' || ordered
    FROM ledger.leaves l
    WHERE l.log_index = erased AND b.month = l.month AND b.tin = l.tin AND b.log_index = l.log_index
      AND octet_length(b.body) > 0;
    RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION eraser.erase(bigint, bigint) FROM PUBLIC;
