-- Which command told a device of a published rate group (S0-030); one that ended without an answer is told again.
CREATE TABLE remote.told_rates (
    group_id integer NOT NULL REFERENCES taxrates.rate_group,
    uid      text    NOT NULL,
    number   bigint  NOT NULL,
    PRIMARY KEY (group_id, uid),
    FOREIGN KEY (uid, number) REFERENCES remote.command
);
