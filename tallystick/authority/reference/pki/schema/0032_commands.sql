-- The unit that signs commands to devices uses its key as the others do; what explains a use is the command itself.
ALTER TABLE pki.key_use DROP CONSTRAINT key_use_purpose_check;
ALTER TABLE pki.key_use ADD CONSTRAINT key_use_purpose_check
    CHECK (purpose IN ('certificate', 'list', 'trust-list', 'command'));
