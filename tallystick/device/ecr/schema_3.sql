-- From format 2: why the authority bars this register from selling (its certificate is revoked), empty where it does not.
ALTER TABLE register ADD COLUMN barred TEXT NOT NULL DEFAULT '';
