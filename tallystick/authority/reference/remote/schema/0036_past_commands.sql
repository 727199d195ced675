-- A command that is over may go by the rule of retention; the hash of what was signed stays: it explains a use of the key.
CREATE TABLE remote.past_command (
    uid    text   NOT NULL,
    number bigint NOT NULL,
    kind   text   NOT NULL,
    digest bytea  UNIQUE CHECK (octet_length(digest) = 32),
    PRIMARY KEY (uid, number)
);

CREATE FUNCTION remote.is_over(c remote.command) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT c.answered_at IS NOT NULL OR c.superseded_at IS NOT NULL OR c.expires_at < now()
$$;

-- With the owner's rights: no role writes past commands in any other way.
CREATE FUNCTION remote.keep_past() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = remote, pg_temp AS $$
BEGIN
    IF NOT remote.is_over(OLD) THEN
        RAISE EXCEPTION 'a command that is not over is never removed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO remote.past_command (uid, number, kind, digest)
    VALUES (OLD.uid, OLD.number, OLD.kind, CASE WHEN OLD.compact IS NULL THEN NULL ELSE OLD.digest END);
    RETURN OLD;
END $$;

-- A result goes with its command and not before.
CREATE FUNCTION remote.keep_result() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM remote.command c
               WHERE (c.uid, c.number) = (OLD.uid, OLD.number) AND NOT remote.is_over(c)) THEN
        RAISE EXCEPTION 'a result whose command is not over is never removed' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END $$;

DROP TRIGGER never_removed ON remote.command;
CREATE TRIGGER never_removed BEFORE TRUNCATE ON remote.command
    FOR EACH STATEMENT EXECUTE FUNCTION remote.refuse_removal();
CREATE TRIGGER keep_past BEFORE DELETE ON remote.command FOR EACH ROW EXECUTE FUNCTION remote.keep_past();
DROP TRIGGER never_changed ON remote.result;
CREATE TRIGGER never_changed BEFORE UPDATE OR TRUNCATE ON remote.result
    FOR EACH STATEMENT EXECUTE FUNCTION remote.refuse_removal();
CREATE TRIGGER keep_result BEFORE DELETE ON remote.result FOR EACH ROW EXECUTE FUNCTION remote.keep_result();
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON remote.past_command
    FOR EACH STATEMENT EXECUTE FUNCTION remote.refuse_removal();
