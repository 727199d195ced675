CREATE SCHEMA sdc;

-- One live token a certificate. The token itself is made anew from the server's key, so a copy of this table opens
-- nothing.
CREATE TABLE sdc.token (
    thumbprint bytea PRIMARY KEY CHECK (length(thumbprint) = 32),
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    uid text NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > issued_at)
);
CREATE INDEX token_expiry ON sdc.token (expires_at);

CREATE TABLE sdc.contact (
    uid text PRIMARY KEY,
    is_online boolean NOT NULL,
    notified_at timestamptz NOT NULL
);
