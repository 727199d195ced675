-- Decisions of two officers about many documents of a device, while they are carried out and when they are done. What was
-- decided stands in the request. at_number and at_entry are the last document that was judged; done were decided so,
-- left_waiting were not, codes says why, hindrance what the first of them had against it, or why none was judged.
CREATE TABLE intake.decision_of_many (
    request_id   bigint      PRIMARY KEY,
    uid          text        NOT NULL,
    at_number    bigint      NOT NULL DEFAULT -1,
    at_entry     bigint      NOT NULL DEFAULT -1,
    done         bigint      NOT NULL DEFAULT 0 CHECK (done >= 0),
    left_waiting bigint      NOT NULL DEFAULT 0 CHECK (left_waiting >= 0),
    codes        jsonb       NOT NULL DEFAULT '{}',
    hindrance    text        NOT NULL DEFAULT '',
    begun_at     timestamptz NOT NULL,
    finished_at  timestamptz
);
CREATE INDEX decision_of_many_open ON intake.decision_of_many (request_id) WHERE finished_at IS NULL;
