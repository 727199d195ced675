-- name: device
SELECT contact_at, sequence, link, waiting, oldest_at FROM batches.device WHERE uid = :uid;

-- name: lock_device
SELECT contact_at, sequence, link FROM batches.device WHERE uid = :uid FOR UPDATE;

-- name: put_device
INSERT INTO batches.device (uid, contact_at, sequence, link) VALUES (:uid, :at, :sequence, :link)
ON CONFLICT (uid) DO NOTHING;

-- name: note_contact
UPDATE batches.device
SET contact_at = greatest(contact_at, :at),
    link = CASE WHEN :sequence::bigint > sequence THEN :link::bytea
                WHEN :sequence::bigint = sequence THEN coalesce(link, :link::bytea) ELSE link END,
    sequence = greatest(sequence, :sequence::bigint)
WHERE uid = :uid;

-- name: note_waiting
UPDATE batches.device SET waiting = :waiting, oldest_at = :oldest_at WHERE uid = :uid;

-- name: overdue
SELECT d.uid, d.contact_at, d.waiting, d.oldest_at FROM batches.device d
WHERE d.waiting > 0 AND least(d.contact_at, d.oldest_at) < :before
  AND NOT EXISTS (SELECT FROM batches.batch b WHERE b.uid = d.uid AND b.state <> 'open' AND NOT b.revoked
                  AND b.last_sequence >= d.sequence) ORDER BY d.uid;

-- name: put_outage
INSERT INTO batches.outage (uid, since, until, after_sequence) VALUES (:uid, :since, :until, :after)
ON CONFLICT (uid, since) DO NOTHING;

-- name: end_outages
UPDATE batches.outage SET up_to = :sequence WHERE uid = :uid AND up_to IS NULL AND after_sequence <= :sequence;

-- name: outages
SELECT since, until, after_sequence, up_to FROM batches.outage
WHERE uid = :uid AND until > :newer_than AND since < :before ORDER BY since DESC LIMIT :limit;

-- name: waits
SELECT closed_at, coalesce(done_at, :now) FROM batches.batch
WHERE uid = :uid AND state <> 'open' AND NOT revoked AND coalesce(done_at, :now) > closed_at + :least::interval
ORDER BY closed_at DESC LIMIT :limit;

-- name: put_head_report
INSERT INTO batches.head_report (uid, sequence, link, body, received_at)
SELECT :uid, :sequence, :link, :body, :at
WHERE (SELECT count(*) FROM batches.head_report WHERE uid = :uid AND received_at > :since) < :most
ON CONFLICT DO NOTHING;

-- name: let_heads_go
DELETE FROM batches.head_report WHERE uid = :uid AND sequence < :sequence AND received_at < :before;

-- name: is_coming
SELECT EXISTS (SELECT FROM batches.batch WHERE uid = :uid AND state <> 'done' AND first_sequence <= :last
               AND coalesce(last_sequence, :last) >= :first);

-- name: head_extent
SELECT count(*) FROM batches.head_report WHERE uid = :uid;

-- name: heads
SELECT sequence, link, received_at FROM batches.head_report WHERE uid = :uid;

-- name: announce
INSERT INTO batches.batch (uid, batch_id, tin, first_sequence, announced_at, announced_by)
VALUES (:uid, :batch_id, :tin, :first, :at, :certificate) ON CONFLICT DO NOTHING;

-- name: lock_announcing
SELECT pg_advisory_xact_lock(hashtextextended('batches:' || :uid, 0));

-- name: held
SELECT count(*) FILTER (WHERE own AND state = 'open'), coalesce(sum(bytes) FILTER (WHERE own), 0)::bigint,
       coalesce(sum(bytes), 0)::bigint
FROM (SELECT state, bytes, uid = :uid AND coalesce(announced_by, :certificate) = :certificate AS own
      FROM batches.batch WHERE state <> 'done') waiting;

-- name: brought
SELECT coalesce(sum(documents), 0)::bigint, coalesce(sum(bytes), 0)::bigint FROM batches.batch
WHERE uid = :uid AND announced_by = :certificate AND state <> 'open' AND closed_at > :since;

-- name: batch
SELECT uid, batch_id, tin, first_sequence, announced_at, state, bytes, documents, last_sequence, head, act_hash,
       certificate, revoked, closed_at, attempts, code, receipt, announced_by
FROM batches.batch WHERE uid = :uid AND batch_id = :batch_id;

-- name: lock_batch
SELECT uid, batch_id, tin, first_sequence, announced_at, state, bytes, documents, last_sequence, head, act_hash,
       certificate, revoked, closed_at, attempts, code, receipt, announced_by
FROM batches.batch WHERE uid = :uid AND batch_id = :batch_id FOR UPDATE;

-- name: withdraw
DELETE FROM batches.batch WHERE uid = :uid AND batch_id = :batch_id AND state = 'open';

-- name: part
SELECT number, sha256, size, first_sequence, last_sequence, last_link, coalesce(body_hashes, ''::bytea), received_at
FROM batches.part WHERE uid = :uid AND batch_id = :batch_id AND number = :number;

-- name: parts
SELECT number, sha256, size, first_sequence, last_sequence, last_link, coalesce(body_hashes, ''::bytea), received_at
FROM batches.part WHERE uid = :uid AND batch_id = :batch_id ORDER BY number;

-- name: parts_here
SELECT number, sha256, size, first_sequence, last_sequence, last_link, ''::bytea, received_at
FROM batches.part WHERE uid = :uid AND batch_id = :batch_id ORDER BY number;

-- name: part_body
SELECT body, received_at FROM batches.part WHERE uid = :uid AND batch_id = :batch_id AND number = :number;

-- name: put_part
INSERT INTO batches.part (uid, batch_id, number, sha256, size, first_sequence, last_sequence, last_link, body_hashes,
                          body, received_at)
VALUES (:uid, :batch_id, :number, :sha256, :size, :first, :last, :last_link, :body_hashes, :body, :at);

-- name: count_part
UPDATE batches.batch SET bytes = bytes + :size, documents = documents + :documents
WHERE uid = :uid AND batch_id = :batch_id;

-- name: last_known
SELECT last_sequence, head FROM batches.batch WHERE uid = :uid AND state <> 'open' AND (:with_revoked OR NOT revoked)
ORDER BY last_sequence DESC LIMIT 1;

-- name: close
UPDATE batches.batch
SET state = 'closed', last_sequence = :last, head = :head, manifest = :manifest, act_hash = :act_hash,
    certificate = :certificate, revoked = :revoked, closed_at = :at,
    due_at = CASE WHEN EXISTS (SELECT FROM batches.batch e WHERE e.uid = :uid AND e.state = 'closed' AND e.due_at IS NULL)
             THEN NULL ELSE :at::timestamptz END
WHERE uid = :uid AND batch_id = :batch_id AND state = 'open';

-- name: take_due
UPDATE batches.batch SET due_at = :until, attempts = attempts + 1
WHERE (uid, batch_id) = (
    SELECT b.uid, b.batch_id FROM batches.batch b
    WHERE b.state = 'closed' AND b.due_at <= :now
      AND NOT EXISTS (SELECT FROM batches.batch e WHERE e.uid = b.uid AND e.state = 'closed'
                      AND (e.first_sequence, e.closed_at, e.batch_id) < (b.first_sequence, b.closed_at, b.batch_id))
    ORDER BY b.due_at FOR UPDATE SKIP LOCKED LIMIT 1)
RETURNING uid, batch_id, tin, first_sequence, announced_at, state, bytes, documents, last_sequence, head, act_hash,
          certificate, revoked, closed_at, attempts, code, receipt, announced_by;

-- name: renew
UPDATE batches.batch SET due_at = :until WHERE uid = :uid AND batch_id = :batch_id AND state = 'closed' AND due_at = :was;

-- name: park
UPDATE batches.batch
SET due_at = NULL, attempts = attempts - (batch_id = :batch_id)::int
WHERE uid = :uid AND state = 'closed' AND certificate = :certificate AND NOT revoked
  AND EXISTS (SELECT FROM batches.batch t WHERE t.uid = :uid AND t.batch_id = :batch_id AND t.due_at = :was);

-- name: wake
UPDATE batches.batch SET due_at = :now
WHERE state = 'closed' AND due_at IS NULL AND (revoked OR certificate <> ALL(:held::bytea[]));

-- name: put_off
UPDATE batches.batch SET due_at = :due_at, code = :code WHERE uid = :uid AND batch_id = :batch_id AND state = 'closed';

-- name: finish
UPDATE batches.batch SET state = 'done', receipt = :receipt, done_at = :at, due_at = NULL, code = ''
WHERE uid = :uid AND batch_id = :batch_id AND state = 'closed';

-- name: let_bodies_go
UPDATE batches.part SET body = NULL, body_hashes = NULL WHERE uid = :uid AND batch_id = :batch_id;

-- name: put_matter
INSERT INTO batches.matter (kind, uid, item, tin, amount, facts, at)
VALUES (:kind, :uid, :item, :tin, :amount, :facts, :at) ON CONFLICT (kind, uid, item) DO NOTHING;

-- name: waiting_matters
SELECT matter_id, kind, uid, item, tin, amount, facts FROM batches.matter WHERE NOT told ORDER BY matter_id LIMIT :limit;

-- name: told_matter
UPDATE batches.matter SET told = true WHERE matter_id = :matter_id;

-- name: documents_in_parts
SELECT convert_to(split_part(convert_from(p.body, 'LATIN1'), chr(10), (:sequence - p.first_sequence + 1)::int), 'LATIN1')
FROM batches.part p JOIN batches.batch b USING (uid, batch_id)
WHERE p.uid = :uid AND b.state <> 'done' AND p.body IS NOT NULL
  AND :sequence BETWEEN p.first_sequence AND p.last_sequence;

-- name: overview
SELECT count(*) FILTER (WHERE state = 'open'), count(*) FILTER (WHERE state = 'closed'),
       coalesce(sum(bytes), 0)::bigint, min(closed_at) FILTER (WHERE state = 'closed')
FROM batches.batch WHERE state <> 'done';

-- name: let_old_go
DELETE FROM batches.batch WHERE state = 'open' AND announced_at < :before;
