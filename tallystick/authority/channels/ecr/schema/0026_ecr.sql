-- Receipts that buyers want to be sent (S0-033): what a gateway will send, and what became of it. A contact is kept until
-- it is of no more use; then it is erased, and the row says when and how it ended.
CREATE SCHEMA ecr;

CREATE TABLE ecr.delivery (
    delivery_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid         text        NOT NULL,
    sequence    bigint      NOT NULL CHECK (sequence BETWEEN 1 AND 4294967295),
    tin         text        NOT NULL,
    way         text        NOT NULL CHECK (way IN ('email', 'sms')),
    contact     text        CHECK (length(contact) BETWEEN 1 AND 254),
    state       text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed', 'erased')),
    asked_at    timestamptz NOT NULL,
    settled_at  timestamptz,
    CHECK (state <> 'waiting' OR contact IS NOT NULL),
    CHECK ((state = 'waiting') = (settled_at IS NULL)),
    UNIQUE (uid, sequence, way, contact)
);
CREATE INDEX delivery_waiting ON ecr.delivery (delivery_id) WHERE state = 'waiting';
CREATE INDEX delivery_of_contact ON ecr.delivery (asked_at) WHERE contact IS NOT NULL;

-- Nothing of a delivery changes but its end and its contact, which can only go.
CREATE FUNCTION ecr.keep_delivery() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.delivery_id, NEW.uid, NEW.sequence, NEW.tin, NEW.way, NEW.asked_at)
       IS DISTINCT FROM (OLD.delivery_id, OLD.uid, OLD.sequence, OLD.tin, OLD.way, OLD.asked_at)
       OR (NEW.contact IS NOT NULL AND NEW.contact IS DISTINCT FROM OLD.contact)
       OR (OLD.state <> 'waiting' AND NEW.state <> OLD.state) THEN
        RAISE EXCEPTION 'a delivery stays what was asked for' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER keep BEFORE UPDATE ON ecr.delivery FOR EACH ROW EXECUTE FUNCTION ecr.keep_delivery();
