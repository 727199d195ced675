-- How often a device called on a day (UTC), and how often it was refused with which code: counts, added up by the
-- processes every few seconds. One that is killed loses the counts of those seconds, and no document.
CREATE TABLE ecr.contact_day (
    uid      text        NOT NULL,
    day      date        NOT NULL,
    calls    bigint      NOT NULL CHECK (calls > 0),
    first_at timestamptz NOT NULL,
    last_at  timestamptz NOT NULL CHECK (first_at <= last_at),
    PRIMARY KEY (uid, day)
);
CREATE TABLE ecr.refusal_day (
    uid     text        NOT NULL,
    day     date        NOT NULL,
    code    text        NOT NULL CHECK (code ~ '^TS-[0-9]{4}$'),
    times   bigint      NOT NULL CHECK (times > 0),
    last_at timestamptz NOT NULL,
    PRIMARY KEY (uid, day, code)
);
