-- name: begin
INSERT INTO activity.head (seq, link) VALUES (0, :genesis) ON CONFLICT DO NOTHING;

-- name: hold_head
SELECT seq, link FROM activity.head FOR UPDATE;

-- name: add
INSERT INTO activity.entry (seq, at, actor, verb, object, for_whom, body, link)
VALUES (:seq, :at, :actor, :verb, :object, :for_whom, :body, :link);

-- name: move_head
UPDATE activity.head SET seq = :seq, link = :link;

-- name: head
SELECT seq, link FROM activity.head;

-- name: following
SELECT seq, at, actor, verb, object, for_whom, body, link FROM activity.entry WHERE seq > :after ORDER BY seq LIMIT :limit;

-- name: newest
SELECT seq, body FROM activity.entry
WHERE (:actor::text = '' OR actor = :actor) AND (:verb::text = '' OR verb = :verb)
  AND (:verbs::text[] IS NULL OR verb = ANY(:verbs))
  AND (:object::text = '' OR object = :object) AND (:for_whom::text = '' OR for_whom = :for_whom)
  AND (:before::bigint = 0 OR seq < :before)
ORDER BY seq DESC LIMIT :limit;

-- name: newest_anchor
SELECT seq, link, at, entry_index FROM activity.anchor ORDER BY seq DESC LIMIT 1;

-- name: add_anchor
INSERT INTO activity.anchor (seq, link, at) VALUES (:seq, :link, :at) ON CONFLICT DO NOTHING;

-- name: unpublished_anchors
SELECT seq, link, at, entry_index FROM activity.anchor WHERE entry_index IS NULL ORDER BY seq LIMIT :limit;

-- name: note_anchor
UPDATE activity.anchor SET entry_index = :entry_index WHERE seq = :seq AND entry_index IS NULL;

-- name: anchors_following
SELECT seq, link, at, entry_index FROM activity.anchor WHERE seq > :after ORDER BY seq LIMIT :limit;
