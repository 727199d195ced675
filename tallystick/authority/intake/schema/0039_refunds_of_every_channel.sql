-- Refunds of every channel claim on their original. tin: whose refund it is, empty where it was found to be that of the
-- original before; another taxpayer's takes nothing. given: the money was given back already, so that the claim stays
-- though its refund is not in the ledger yet. beyond: more than was left, none where the original was not there.
ALTER TABLE intake.refund_claim
    ADD COLUMN tin    text    NOT NULL DEFAULT '',
    ADD COLUMN given  boolean NOT NULL DEFAULT false,
    ADD COLUMN beyond boolean;

-- How far a fold over the ledger has come.
CREATE TABLE intake.progress (
    reader   text   PRIMARY KEY,
    position bigint NOT NULL
);
