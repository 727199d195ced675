-- name: take_turns
SELECT pg_advisory_xact_lock(hashtextextended('taxrates', 0));

-- name: add_group
INSERT INTO taxrates.rate_group (group_id, valid_from, request_id) VALUES (:group_id, :valid_from, :request_id)
ON CONFLICT (group_id) DO NOTHING;

-- name: add_category
INSERT INTO taxrates.category (group_id, position, name, category_type, order_id)
VALUES (:group_id, :position, :name, :category_type, :order_id);

-- name: add_rate
INSERT INTO taxrates.rate (group_id, category_position, position, label, rate)
VALUES (:group_id, :category_position, :position, :label, :rate);

-- name: all_rates
SELECT g.group_id, g.valid_from, c.position, c.name, c.category_type, c.order_id, r.label, r.rate
FROM taxrates.rate_group g
JOIN taxrates.category c USING (group_id)
LEFT JOIN taxrates.rate r ON r.group_id = c.group_id AND r.category_position = c.position
ORDER BY g.group_id, c.position, r.position;

-- name: publications
SELECT group_id, published_at, request_id FROM taxrates.rate_group ORDER BY group_id;
