-- What was kept apart and decided loses its body when its time is over (the room of retention); all else of it stays.
CREATE INDEX quarantine_with_body ON intake.quarantine (decided_at) WHERE state <> 'received' AND octet_length(body) > 0;
CREATE INDEX evidence_with_body ON intake.evidence (received_at) WHERE octet_length(body) > 0;

CREATE OR REPLACE FUNCTION intake.keep_decisions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'received' AND OLD.decision_index IS NOT NULL AND octet_length(NEW.body) = 0
       AND to_jsonb(NEW) - 'body' IS NOT DISTINCT FROM to_jsonb(OLD) - 'body' THEN
        RETURN NEW;
    END IF;
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
