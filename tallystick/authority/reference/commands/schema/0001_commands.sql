CREATE SCHEMA commands;

-- type: number of the command on the TaxCore wire. position gives the order in which a device runs them.
CREATE TABLE commands.command (
    command_id uuid PRIMARY KEY,
    position bigint GENERATED ALWAYS AS IDENTITY,
    uid text NOT NULL CHECK (uid ~ '^[A-Z0-9]{8}$'),
    type smallint NOT NULL CHECK (type IN (0, 1, 2, 4, 5, 7, 8)),
    payload text NOT NULL,
    queued_at timestamptz NOT NULL DEFAULT now(),
    fetched_at timestamptz,
    superseded_at timestamptz,
    reported_at timestamptz,
    success boolean,
    queued_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CHECK ((reported_at IS NULL) = (success IS NULL))
);
CREATE INDEX command_outstanding ON commands.command (uid, position)
    WHERE reported_at IS NULL AND superseded_at IS NULL;
CREATE INDEX command_of_kind ON commands.command (uid, type, position);
CREATE INDEX command_queued ON commands.command (queued_in);

CREATE FUNCTION commands.announce_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('commands', '');
    RETURN NULL;
END $$;

CREATE TRIGGER announce AFTER INSERT ON commands.command
    FOR EACH STATEMENT EXECUTE FUNCTION commands.announce_change();
