-- Registers and systems of the national channels, which get a certificate of their own (security 2.3). What a device is
-- entered for decides what is certified, never what it says of itself.
CREATE TABLE registry.fiscal_device (
    uid text PRIMARY KEY CHECK (uid ~ '^[A-Z0-9]{8}$'),
    device_class smallint NOT NULL CHECK (device_class BETWEEN 1 AND 4),
    tin text NOT NULL REFERENCES registry.taxpayer,
    premises_id bigint REFERENCES registry.premises,
    maker text NOT NULL CHECK (maker <> ''),
    model text NOT NULL CHECK (model <> ''),
    serial_number text NOT NULL CHECK (serial_number <> ''),
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'hold', 'closed')),
    registered_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (maker, model, serial_number)
);
CREATE INDEX fiscal_device_of_taxpayer ON registry.fiscal_device (tin);

-- A certificate that was only on hold is taken off the list again; what happened stays in the row and in the log.
ALTER TABLE registry.revoked_certificate ADD COLUMN lifted_at timestamptz CHECK (lifted_at IS NULL OR reason = 6);
