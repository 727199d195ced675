-- The queue to the tax authority's own system. Items and figures are a fold over the ledger; receipts are the service's
-- word and only grow. An item that was accepted becomes a receipt in one transaction, so the queue is as long as what
-- is still to be done.
CREATE SCHEMA taxservice;

CREATE TABLE taxservice.item (
    log_index     bigint      PRIMARY KEY,
    document_type integer     NOT NULL,
    tin           text        NOT NULL,
    booked_at     timestamptz NOT NULL,
    state         text        NOT NULL DEFAULT 'waiting'
                              CHECK (state IN ('waiting', 'sent', 'rejected', 'given-up', 'resent')),
    attempt       integer     NOT NULL DEFAULT 0,
    tries         integer     NOT NULL DEFAULT 0,
    resends       integer     NOT NULL DEFAULT 0,
    next_at       timestamptz,
    decided_at    timestamptz,
    code          text        NOT NULL DEFAULT '',
    reason        text        NOT NULL DEFAULT '',
    CHECK ((next_at IS NULL) = (state IN ('rejected', 'given-up'))),
    CHECK (decided_at IS NOT NULL OR next_at IS NOT NULL)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
CREATE INDEX item_due ON taxservice.item (next_at, log_index) WHERE next_at IS NOT NULL;
CREATE INDEX item_dead ON taxservice.item (log_index) WHERE next_at IS NULL;

CREATE TABLE taxservice.receipt (
    log_index     bigint      PRIMARY KEY,
    document_type integer     NOT NULL,
    tin           text        NOT NULL,
    booked_at     timestamptz NOT NULL,
    accepted_at   timestamptz NOT NULL,
    again         boolean     NOT NULL,
    receipt       text        NOT NULL
);
CREATE FUNCTION taxservice.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'receipts only grow: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER only_grows BEFORE UPDATE OR DELETE ON taxservice.receipt
    FOR EACH ROW EXECUTE FUNCTION taxservice.refuse_change();
CREATE TRIGGER never_emptied BEFORE TRUNCATE ON taxservice.receipt
    FOR EACH STATEMENT EXECUTE FUNCTION taxservice.refuse_change();

-- How far the fold is, and how the service stands: counted failures, and when it is asked again.
CREATE TABLE taxservice.progress (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint  NOT NULL DEFAULT 0
);
INSERT INTO taxservice.progress DEFAULT VALUES;
CREATE TABLE taxservice.standing (
    one         boolean     PRIMARY KEY DEFAULT true CHECK (one),
    failures    integer     NOT NULL DEFAULT 0,
    open_since  timestamptz,
    probe_at    timestamptz,
    trouble     text        NOT NULL DEFAULT '',
    answered_at timestamptz
) WITH (fillfactor = 20);
INSERT INTO taxservice.standing DEFAULT VALUES;

-- Figures: by type and state, over everything and by the minute in which a document was booked (a day of them is kept).
CREATE TABLE taxservice.total (
    document_type integer NOT NULL,
    state         text    NOT NULL,
    items         bigint  NOT NULL,
    PRIMARY KEY (document_type, state)
) WITH (fillfactor = 20);
CREATE TABLE taxservice.minute (
    minute        bigint  NOT NULL,
    document_type integer NOT NULL,
    state         text    NOT NULL,
    items         bigint  NOT NULL,
    PRIMARY KEY (minute, document_type, state)
) WITH (fillfactor = 50);

-- By day in the authority's time zone. Registers and points are counted by what was seen that day already.
CREATE TABLE taxservice.day (
    day         date   PRIMARY KEY,
    operations  bigint NOT NULL,
    registers   bigint NOT NULL,
    points      bigint NOT NULL,
    accepted    bigint NOT NULL,
    accepted_ms bigint NOT NULL
) WITH (fillfactor = 20);
CREATE TABLE taxservice.register_seen (
    day      date NOT NULL,
    register text NOT NULL,
    PRIMARY KEY (day, register)
);
CREATE TABLE taxservice.point_seen (
    day      date NOT NULL,
    tin      text NOT NULL,
    premises text NOT NULL,
    PRIMARY KEY (day, tin, premises)
);

-- The pages' role sees for whom it says it acts (`store.acting`): unsaid is an error, '*' is an officer. It sends dead
-- letters again, and changes nothing else.
ALTER TABLE taxservice.item ENABLE ROW LEVEL SECURITY;
ALTER TABLE taxservice.item FORCE ROW LEVEL SECURITY;
CREATE POLICY for_all ON taxservice.item TO tallystick_intake, CURRENT_USER USING (true);
CREATE POLICY of_taxpayers ON taxservice.item FOR SELECT TO tallystick_portal USING (
    tin = ANY (current_setting('tallystick.taxpayers')::text[])
    OR '*' = ANY (current_setting('tallystick.taxpayers')::text[])
);
CREATE POLICY dead_letters ON taxservice.item FOR UPDATE TO tallystick_portal USING (
    next_at IS NULL AND (tin = ANY (current_setting('tallystick.taxpayers')::text[])
                         OR '*' = ANY (current_setting('tallystick.taxpayers')::text[]))
) WITH CHECK (state = 'resent');
ALTER TABLE taxservice.receipt ENABLE ROW LEVEL SECURITY;
ALTER TABLE taxservice.receipt FORCE ROW LEVEL SECURITY;
CREATE POLICY for_all ON taxservice.receipt TO tallystick_intake, CURRENT_USER USING (true);
CREATE POLICY of_taxpayers ON taxservice.receipt FOR SELECT TO tallystick_portal USING (
    tin = ANY (current_setting('tallystick.taxpayers')::text[])
    OR '*' = ANY (current_setting('tallystick.taxpayers')::text[])
);
