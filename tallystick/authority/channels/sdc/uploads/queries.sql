-- name: act_for
SELECT set_config('tallystick.user', (:user_id::bigint)::text, true),
       set_config('tallystick.taxpayers', (:taxpayers::text[])::text, true);

-- name: add_upload
INSERT INTO media.upload (upload_id, user_id, username, acts_for, created_at)
VALUES (:upload_id, :user_id, :username, :acts_for, :created_at);

-- name: lock_upload
SELECT files FROM media.upload
WHERE upload_id = :upload_id AND user_id = :user_id AND sealed_at IS NULL FOR UPDATE;

-- name: count_files
UPDATE media.upload SET files = :files WHERE upload_id = :upload_id;

-- name: seal
UPDATE media.upload SET sealed_at = :at
WHERE upload_id = :upload_id AND user_id = :user_id AND sealed_at IS NULL;

-- name: waiting_of_user
SELECT count(*) FROM media.upload_file JOIN media.upload USING (upload_id)
WHERE state = 'waiting' AND user_id = :user_id;

-- name: add_files
INSERT INTO media.upload_file (upload_id, position, name, kind, rank, uid, tin, file_hash, body, received_at, state,
                               due_at, status, replayed, code, detail, judged_at)
SELECT :upload_id, position, name, kind, rank, uid, tin, file_hash, body, :at, state, :at, status, replayed, code, detail,
       CASE WHEN state = 'done' THEN :at::timestamptz END
FROM unnest(:positions::integer[], :names::text[], :kinds::text[], :ranks::smallint[], :uids::text[], :tins::text[],
            :hashes::bytea[], :bodies::bytea[], :states::text[], :statuses::smallint[], :replays::boolean[],
            :codes::text[], :details::text[])
     AS given (position, name, kind, rank, uid, tin, file_hash, body, state, status, replayed, code, detail);

-- name: accepted_before
SELECT DISTINCT file_hash, name, tin FROM media.upload_file WHERE status = 4 AND file_hash = ANY(:hashes);

-- name: due_files
SELECT file.upload_id, file.position, file.name, file.kind, file.uid, file.tin, file.body, file.received_at,
       file.attempts, user_id, username, acts_for
FROM (SELECT upload_file.*,
             sum(coalesce(octet_length(body), 0)) OVER (ORDER BY rank, due_at, upload_id, position
                                                        ROWS UNBOUNDED PRECEDING) AS bytes
      FROM media.upload_file WHERE state = 'waiting' AND due_at <= :now
      ORDER BY rank, due_at, upload_id, position LIMIT :most) AS file
JOIN media.upload USING (upload_id)
WHERE file.bytes - coalesce(octet_length(file.body), 0) < :most_bytes
ORDER BY file.rank, file.due_at, file.upload_id, file.position;

-- name: put_verdicts
UPDATE media.upload_file AS file
SET state = 'done', body = NULL, status = given.status, replayed = given.replayed, code = given.code,
    detail = given.detail, uid = CASE WHEN file.uid = '' THEN given.uid ELSE file.uid END, judged_at = :at
FROM unnest(:uploads::uuid[], :positions::integer[], :statuses::smallint[], :replays::boolean[], :codes::text[],
            :details::text[], :uids::text[])
     AS given (upload_id, position, status, replayed, code, detail, uid)
WHERE file.upload_id = given.upload_id AND file.position = given.position AND file.state = 'waiting';

-- name: put_off
UPDATE media.upload_file SET attempts = attempts + 1, due_at = :due_at, code = :code, detail = :detail
WHERE upload_id = :upload_id AND position = :position AND state = 'waiting';

-- name: upload
SELECT upload_id, username, acts_for, created_at, sealed_at, files,
       (SELECT count(*) FROM media.upload_file AS file WHERE file.upload_id = upload.upload_id AND state = 'done'),
       (SELECT count(*) FROM media.upload_file AS file
        WHERE file.upload_id = upload.upload_id AND state = 'done' AND (status = 4 OR (status IS NULL AND code = ''))),
       (SELECT count(*) FROM media.upload_file AS file WHERE file.upload_id = upload.upload_id AND kind = 'foreign'),
       user_id
FROM media.upload WHERE upload_id = :upload_id;

-- name: uploads_of_user
SELECT upload_id, username, acts_for, created_at, sealed_at, files,
       (SELECT count(*) FROM media.upload_file AS file WHERE file.upload_id = upload.upload_id AND state = 'done'),
       (SELECT count(*) FROM media.upload_file AS file
        WHERE file.upload_id = upload.upload_id AND state = 'done' AND (status = 4 OR (status IS NULL AND code = ''))),
       (SELECT count(*) FROM media.upload_file AS file WHERE file.upload_id = upload.upload_id AND kind = 'foreign'),
       user_id
FROM media.upload WHERE user_id = :user_id ORDER BY created_at DESC LIMIT :most;

-- name: files
SELECT position, name, kind, uid, state = 'done', status, replayed, code, detail
FROM media.upload_file
WHERE upload_id = :upload_id AND (:everything OR state = 'waiting' OR status IS DISTINCT FROM 4)
ORDER BY position OFFSET :skip LIMIT :most;

-- name: groups
SELECT kind, state = 'done', status, code, count(*)
FROM media.upload_file WHERE upload_id = :upload_id GROUP BY 1, 2, 3, 4 ORDER BY 1, 3, 4;

-- name: cards_of
SELECT secure_element.uid, secure_element.tin, secure_element.business_name, secure_element.location_name,
       count(command.command_id)
FROM registry.secure_element
LEFT JOIN commands.command AS command
       ON command.uid = secure_element.uid AND command.reported_at IS NULL AND command.superseded_at IS NULL
WHERE (:everybody OR secure_element.tin = ANY(:tins)) AND (NOT :only_waiting OR command.command_id IS NOT NULL)
  AND (:uid = '' OR secure_element.uid = :uid)
GROUP BY 1, 2, 3, 4 ORDER BY count(command.command_id) DESC, 1 LIMIT :most;
