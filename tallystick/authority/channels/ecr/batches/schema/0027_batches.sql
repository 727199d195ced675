-- The offline channel: what registers with write-once memory bring when they are back.
CREATE SCHEMA batches;

-- When a device was heard of last, and the highest number of its sequence that is known of then, with its link where
-- the device named it. Nothing here is the device's own word about time but `oldest_at`.
CREATE TABLE batches.device (
    uid        text        PRIMARY KEY,
    contact_at timestamptz NOT NULL,
    sequence   bigint      NOT NULL CHECK (sequence >= 0),
    link       bytea       CHECK (octet_length(link) = 32),
    waiting    bigint      NOT NULL DEFAULT 0 CHECK (waiting >= 0),
    oldest_at  timestamptz
);

-- Stretches without contact by our clock (K-15): which numbers may have been made in them.
CREATE TABLE batches.outage (
    uid            text        NOT NULL REFERENCES batches.device,
    since          timestamptz NOT NULL,
    until          timestamptz NOT NULL CHECK (until > since),
    after_sequence bigint      NOT NULL,
    up_to          bigint,
    PRIMARY KEY (uid, since)
);

-- The first report of each head: the device's signature under it shows that the numbers up to it existed then (K-05).
CREATE TABLE batches.head_report (
    uid         text        NOT NULL,
    sequence    bigint      NOT NULL,
    link        bytea       NOT NULL CHECK (octet_length(link) = 32),
    body        bytea       NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (uid, sequence, link)
);

-- A batch is open while its parts come, closed once its signed manifest agrees with them, done with its receipt.
CREATE TABLE batches.batch (
    uid            text        NOT NULL,
    batch_id       bytea       NOT NULL CHECK (octet_length(batch_id) = 16),
    tin            text        NOT NULL,
    first_sequence bigint      NOT NULL CHECK (first_sequence > 0),
    announced_at   timestamptz NOT NULL,
    state          text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed', 'done')),
    bytes          bigint      NOT NULL DEFAULT 0,
    documents      integer     NOT NULL DEFAULT 0,
    last_sequence  bigint,
    head           bytea       CHECK (octet_length(head) = 32),
    manifest       bytea       STORAGE EXTERNAL,
    act_hash       bytea       CHECK (octet_length(act_hash) = 32),
    certificate    bytea       CHECK (octet_length(certificate) = 32),
    revoked        boolean     NOT NULL DEFAULT false,
    closed_at      timestamptz,
    due_at         timestamptz,
    attempts       integer     NOT NULL DEFAULT 0,
    code           text        NOT NULL DEFAULT '',
    receipt        bytea,
    done_at        timestamptz,
    PRIMARY KEY (uid, batch_id),
    CHECK ((state = 'open') = (manifest IS NULL)),
    CHECK ((state = 'done') = (receipt IS NOT NULL))
);
CREATE INDEX batch_waiting ON batches.batch (due_at) WHERE state = 'closed';
CREATE INDEX batch_held ON batches.batch (uid, first_sequence) WHERE state <> 'done';
CREATE INDEX batch_last ON batches.batch (uid, last_sequence) WHERE state <> 'open';

-- Parts as text. Once the batch is done its documents lie in the ledger or in quarantine, and the bodies go.
CREATE TABLE batches.part (
    uid            text        NOT NULL,
    batch_id       bytea       NOT NULL,
    number         integer     NOT NULL CHECK (number > 0),
    sha256         bytea       NOT NULL CHECK (octet_length(sha256) = 32),
    size           integer     NOT NULL CHECK (size > 0),
    first_sequence bigint      NOT NULL,
    last_sequence  bigint      NOT NULL,
    last_link      bytea       NOT NULL CHECK (octet_length(last_link) = 32),
    body_hashes    bytea       STORAGE EXTERNAL,
    body           bytea       STORAGE EXTERNAL,
    received_at    timestamptz NOT NULL,
    PRIMARY KEY (uid, batch_id, number),
    FOREIGN KEY (uid, batch_id) REFERENCES batches.batch ON DELETE CASCADE
);

-- What an inspector should see; told once a detector has put it into a case (S0-093).
CREATE TABLE batches.matter (
    matter_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind      text        NOT NULL,
    uid       text        NOT NULL,
    item      text        NOT NULL,
    tin       text        NOT NULL,
    amount    bigint      NOT NULL DEFAULT 0,
    facts     jsonb       NOT NULL,
    at        timestamptz NOT NULL,
    told      boolean     NOT NULL DEFAULT false,
    UNIQUE (kind, uid, item)
);
CREATE INDEX matter_waiting ON batches.matter (matter_id) WHERE NOT told;
