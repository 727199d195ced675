-- From format 1: whether the file is in use, and whether it replaced one that was lost; a file of format 1 is in use.
ALTER TABLE control ADD COLUMN begun INTEGER NOT NULL DEFAULT 1 CHECK (begun IN (0, 1));
ALTER TABLE control ADD COLUMN lost INTEGER NOT NULL DEFAULT 0 CHECK (lost IN (0, 1));
