-- An authority's row stays as it was entered, and a use of a key is ended once.
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON pki.authority
    FOR EACH STATEMENT EXECUTE FUNCTION pki.refuse_removal();

CREATE FUNCTION pki.keep_use() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL OR (NEW.use_id, NEW.key_hash, NEW.purpose, NEW.digest, NEW.used_by, NEW.begun_at)
       IS DISTINCT FROM (OLD.use_id, OLD.key_hash, OLD.purpose, OLD.digest, OLD.used_by, OLD.begun_at) THEN
        RAISE EXCEPTION 'a use of a key is ended once, and stays as it is' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON pki.key_use FOR EACH ROW EXECUTE FUNCTION pki.keep_use();
