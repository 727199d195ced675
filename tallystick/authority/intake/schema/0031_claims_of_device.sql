-- Refunds of a device's documents, for those who tell it what became of them.
CREATE INDEX refund_claim_of_device ON intake.refund_claim (split_part(original, '-', 2), claimed_at) WHERE NOT let_go;
