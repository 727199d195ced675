-- Codes of national receipts that buyers showed. Those of devices that report before they print are told at once. Where
-- a code says another amount, time or type than the document of its act, ``differs`` names it, ``act_hash`` is the hash
-- of the code, and ``booked_act`` the act.
ALTER TABLE inspections.sighting
    ADD COLUMN at_once    boolean NOT NULL DEFAULT false,
    ADD COLUMN differs    text    NOT NULL DEFAULT '',
    ADD COLUMN booked_act bytea,
    ADD CHECK ((differs <> '') = (booked_act IS NOT NULL));
CREATE INDEX sighting_at_once ON inspections.sighting (first_at) WHERE NOT told AND at_once;
