-- A secure element may be on hold by itself (stock, loss, contradiction) and through its certificate. Two causes, kept
-- apart, so that the end of one does not end the other.
ALTER TABLE registry.secure_element ADD COLUMN own_hold boolean NOT NULL DEFAULT false;
UPDATE registry.secure_element AS e SET own_hold = true
WHERE e.state = 'hold' AND NOT EXISTS (
    SELECT FROM registry.revoked_certificate AS r
    WHERE r.certificate_hash = e.certificate_hash AND r.reason = 6 AND r.lifted_at IS NULL
);
