-- The build that the device proved when it fetched its token; empty: none. It is looked at on each use of the token.
ALTER TABLE sdc.token ADD COLUMN build_id text NOT NULL DEFAULT '';
