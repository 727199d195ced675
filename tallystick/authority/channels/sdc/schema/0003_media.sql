CREATE SCHEMA media;

-- Files of media that were carried here by hand (S2-099). They stand here before anything is done with them: whoever
-- uploads may go away, and every process may die. acts_for are the sender's taxpayers; null is an officer, who may hand
-- in for any.
CREATE TABLE media.upload (
    upload_id uuid PRIMARY KEY,
    user_id bigint NOT NULL,
    username text NOT NULL,
    acts_for text[],
    created_at timestamptz NOT NULL,
    sealed_at timestamptz,
    files integer NOT NULL DEFAULT 0
);
CREATE INDEX upload_of_user ON media.upload (user_id, created_at);

-- body goes when the file is judged. rank orders the work: packages, then audit requests, then results.
CREATE TABLE media.upload_file (
    upload_id uuid NOT NULL REFERENCES media.upload ON DELETE CASCADE,
    position integer NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('package', 'audit-request', 'results', 'initialise', 'foreign')),
    rank smallint NOT NULL,
    uid text NOT NULL,
    tin text NOT NULL,
    file_hash bytea CHECK (octet_length(file_hash) = 32),
    body bytea,
    received_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'done')),
    due_at timestamptz NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    status smallint,
    replayed boolean NOT NULL DEFAULT false,
    code text NOT NULL DEFAULT '',
    detail text NOT NULL DEFAULT '',
    judged_at timestamptz,
    PRIMARY KEY (upload_id, position),
    CHECK ((state = 'waiting') = (judged_at IS NULL)),
    CHECK (state = 'waiting' OR body IS NULL)
);
ALTER TABLE media.upload_file ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX upload_file_due ON media.upload_file (rank, due_at, upload_id, position) WHERE state = 'waiting';
CREATE INDEX upload_file_accepted ON media.upload_file (file_hash) WHERE status = 4;
