-- One order has one batch that was not refused: what was refused, or found no second person, may be asked for anew.
ALTER TABLE production.batch DROP CONSTRAINT batch_order_hash_key;
CREATE UNIQUE INDEX batch_of_order ON production.batch (order_hash) WHERE state <> 'refused';

-- What was asked for stays, a state is left in one direction, and a batch opens by the word of the second person alone.
CREATE FUNCTION production.keep_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'asked' OR NEW.request_id IS NOT NULL THEN
            RAISE EXCEPTION 'a batch begins by being asked for' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.batch_id, NEW.profile, NEW.order_hash, NEW.ordered, NEW.blanks, NEW.years, NEW.asked_by, NEW.asked_at)
       IS DISTINCT FROM
       (OLD.batch_id, OLD.profile, OLD.order_hash, OLD.ordered, OLD.blanks, OLD.years, OLD.asked_by, OLD.asked_at)
       OR OLD.request_id IS NOT NULL AND NEW.request_id IS DISTINCT FROM OLD.request_id
       OR OLD.opened_at IS NOT NULL
          AND (NEW.opened_by, NEW.opened_at) IS DISTINCT FROM (OLD.opened_by, OLD.opened_at) THEN
        RAISE EXCEPTION 'what a batch is stays' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state <> OLD.state AND NOT (OLD.state || ' ' || NEW.state = ANY (ARRAY[
        'asked open', 'asked refused', 'open closed'])) THEN
        RAISE EXCEPTION 'from % a batch does not become %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state = 'asked' AND NEW.state = 'open' AND NOT EXISTS (
        SELECT 1 FROM approvals.request AS r
        WHERE r.request_id = NEW.request_id AND r.deed = 'production.open-batch' AND r.state = 'done'
          AND r.object = 'batch ' || NEW.batch_id AND r.decided_by = NEW.opened_by) THEN
        RAISE EXCEPTION 'nobody agreed that batch % be opened', NEW.batch_id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE INSERT OR UPDATE ON production.batch FOR EACH ROW EXECUTE FUNCTION production.keep_batch();

-- What is in the file of a printing job stays: pages are confirmed by their place in it.
CREATE FUNCTION production.keep_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.job_id, NEW.batch_id, NEW.kind, NEW.modules, NEW.reason, NEW.made_by, NEW.made_at) IS DISTINCT FROM
       (OLD.job_id, OLD.batch_id, OLD.kind, OLD.modules, OLD.reason, OLD.made_by, OLD.made_at)
       OR OLD.state = 'done' THEN
        RAISE EXCEPTION 'what was printed stays' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON production.print_job FOR EACH ROW EXECUTE FUNCTION production.keep_job();
