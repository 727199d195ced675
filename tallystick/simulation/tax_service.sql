-- name: take
INSERT INTO document (act, content, tin, type, fiscal_number, total, received_at, number)
VALUES (:act, :content, :tin, :type, :fiscal_number, :total, :received_at,
        (SELECT coalesce(max(number), 0) + 1 FROM document))
ON CONFLICT (act) DO UPDATE SET times = times + 1
RETURNING number, times, content;

-- name: count
SELECT count(*), coalesce(sum(times), 0) FROM document;

-- name: contents
SELECT content FROM document ORDER BY number;

-- name: acts
SELECT act, times FROM document ORDER BY number;
