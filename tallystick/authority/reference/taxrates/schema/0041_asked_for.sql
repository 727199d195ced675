-- Which request of two persons published a group; none for those that a country was made with.
ALTER TABLE taxrates.rate_group ADD COLUMN request_id bigint CHECK (request_id > 0);
