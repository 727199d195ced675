CREATE SCHEMA taxrates;

CREATE TABLE taxrates.rate_group (
    group_id integer PRIMARY KEY CHECK (group_id > 0),
    valid_from timestamptz NOT NULL,
    published_at timestamptz NOT NULL DEFAULT now()
);

-- category_type: 0 per cent of the net price, 1 per cent of the total, 2 amount per quantity.
CREATE TABLE taxrates.category (
    group_id integer NOT NULL REFERENCES taxrates.rate_group,
    position smallint NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    category_type smallint NOT NULL CHECK (category_type BETWEEN 0 AND 2),
    order_id smallint NOT NULL CHECK (order_id BETWEEN 0 AND 255),
    PRIMARY KEY (group_id, position),
    UNIQUE (group_id, order_id)
);

-- rate: per cent or currency units, times 10^8.
CREATE TABLE taxrates.rate (
    group_id integer NOT NULL,
    category_position smallint NOT NULL,
    position smallint NOT NULL,
    label text NOT NULL CHECK (length(label) = 1),
    rate bigint NOT NULL CHECK (rate >= 0),
    PRIMARY KEY (group_id, category_position, position),
    FOREIGN KEY (group_id, category_position) REFERENCES taxrates.category,
    UNIQUE (group_id, label)
);

CREATE FUNCTION taxrates.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a published rate group never changes' USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE FUNCTION taxrates.announce_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('taxrates', '');
    RETURN NULL;
END $$;

CREATE TRIGGER fixed BEFORE UPDATE OR DELETE ON taxrates.rate_group
    FOR EACH STATEMENT EXECUTE FUNCTION taxrates.refuse_change();
CREATE TRIGGER fixed BEFORE UPDATE OR DELETE ON taxrates.category
    FOR EACH STATEMENT EXECUTE FUNCTION taxrates.refuse_change();
CREATE TRIGGER fixed BEFORE UPDATE OR DELETE ON taxrates.rate
    FOR EACH STATEMENT EXECUTE FUNCTION taxrates.refuse_change();
CREATE TRIGGER announce AFTER INSERT ON taxrates.rate_group
    FOR EACH STATEMENT EXECUTE FUNCTION taxrates.announce_change();
