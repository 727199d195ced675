-- Decisions of two officers on what is kept apart. document_index is the fresh entry of a document that was re-admitted,
-- decision the body of the ledger's entry about the decision, decision_index that entry, none until it is published.
-- hindrance is why an approved re-admission was not carried out, the last time.
ALTER TABLE intake.quarantine
    ADD COLUMN request_id     bigint,
    ADD COLUMN document_index bigint,
    ADD COLUMN decision       bytea,
    ADD COLUMN decision_index bigint,
    ADD COLUMN hindrance      text NOT NULL DEFAULT '',
    ADD CHECK ((state = 'received') = (decided_at IS NULL)),
    ADD CHECK ((state = 'received') = (decision IS NULL)),
    ADD CHECK ((document_index IS NOT NULL) = (state = 'readmitted'));
CREATE INDEX quarantine_waiting ON intake.quarantine (received_at) WHERE state = 'received';
CREATE INDEX quarantine_decided ON intake.quarantine (decided_at) WHERE state <> 'received';

-- What was kept stays as it came, and what was decided stays decided.
CREATE FUNCTION intake.keep_decisions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.act_hash, NEW.body_hash, NEW.file_hash, NEW.body, NEW.requested_by, NEW.signed_by, NEW.ordinal, NEW.tin,
        NEW.turnover, NEW.step, NEW.codes, NEW.verdict, NEW.received_at) IS DISTINCT FROM
       (OLD.act_hash, OLD.body_hash, OLD.file_hash, OLD.body, OLD.requested_by, OLD.signed_by, OLD.ordinal, OLD.tin,
        OLD.turnover, OLD.step, OLD.codes, OLD.verdict, OLD.received_at) THEN
        RAISE EXCEPTION 'what is kept apart stays as it came' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state <> 'received' AND to_jsonb(NEW) - 'decision_index' IS DISTINCT FROM to_jsonb(OLD) - 'decision_index' THEN
        RAISE EXCEPTION 'what was decided stays decided' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep_decisions BEFORE UPDATE ON intake.quarantine
    FOR EACH ROW EXECUTE FUNCTION intake.keep_decisions();
