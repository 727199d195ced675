-- Issuing authorities that nobody believes any more: since when, why, and who stands for it. Once, and for good.
CREATE TABLE pki.withdrawal (
    authority    text        PRIMARY KEY REFERENCES pki.authority CHECK (authority <> 'root'),
    since        timestamptz NOT NULL,
    reason       smallint    NOT NULL CHECK (reason BETWEEN 0 AND 10 AND reason <> 6),
    why          text        NOT NULL CHECK (why <> ''),
    decided_by   text        NOT NULL CHECK (decided_by <> ''),
    ledger_index bigint
);
CREATE FUNCTION pki.keep_withdrawal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ledger_index IS NOT NULL OR (NEW.authority, NEW.since, NEW.reason, NEW.why, NEW.decided_by)
       IS DISTINCT FROM (OLD.authority, OLD.since, OLD.reason, OLD.why, OLD.decided_by) THEN
        RAISE EXCEPTION 'a withdrawn authority stays withdrawn' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON pki.withdrawal FOR EACH ROW EXECUTE FUNCTION pki.keep_withdrawal();
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON pki.withdrawal
    FOR EACH STATEMENT EXECUTE FUNCTION pki.refuse_removal();
