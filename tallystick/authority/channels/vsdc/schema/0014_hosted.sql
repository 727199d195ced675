-- A pair whose newest act can never be signed, for its key is gone, ends with it: the number counts as used, the ledger
-- has an entry that says so, and no further number is taken here.
ALTER TABLE vsdc.pair
    ADD COLUMN voided_at   timestamptz,
    ADD COLUMN void_entry  bigint,
    ADD CHECK ((voided_at IS NULL) = (void_entry IS NULL));
