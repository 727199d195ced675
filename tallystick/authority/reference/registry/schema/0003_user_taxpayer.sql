-- For which taxpayers a portal user of the role `taxpayer` may act; without a row for none.
CREATE TABLE registry.user_taxpayer (
    user_id bigint NOT NULL REFERENCES registry.app_user,
    tin text NOT NULL REFERENCES registry.taxpayer,
    PRIMARY KEY (user_id, tin)
);
