-- name: take_turns
SELECT pg_advisory_xact_lock(hashtextextended('rules:' || :subject, 0));

-- name: newest
SELECT subject, number, content, adopted_at, entry_index FROM rules.adoption
WHERE subject = :subject ORDER BY number DESC LIMIT 1;

-- name: add
INSERT INTO rules.adoption (subject, number, content, adopted_at) VALUES (:subject, :number, :content, :at);

-- name: unpublished
SELECT a.subject, a.number, a.content, a.adopted_at, a.entry_index, b.content
FROM rules.adoption AS a LEFT JOIN rules.adoption AS b ON b.subject = a.subject AND b.number = a.number - 1
WHERE a.entry_index IS NULL ORDER BY a.subject, a.number LIMIT :limit;

-- name: note_index
UPDATE rules.adoption SET entry_index = :entry_index
WHERE subject = :subject AND number = :number AND entry_index IS NULL;

-- name: history
SELECT subject, number, content, adopted_at, entry_index FROM rules.adoption
WHERE subject = :subject ORDER BY number DESC LIMIT :limit;
