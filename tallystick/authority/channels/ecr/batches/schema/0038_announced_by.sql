-- Whose certificate announced a batch: one that is revoked may go on with what it began itself, and takes no room from
-- the certificate that the device has by now. Batches announced before have none.
ALTER TABLE batches.batch ADD COLUMN announced_by bytea CHECK (octet_length(announced_by) = 32);
