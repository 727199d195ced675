-- name: events
SELECT at, rank, key, what, facts::text FROM (
    (SELECT registered_at AS at, 1 AS rank, '' AS key, 'registered' AS what,
            jsonb_build_object('maker', maker, 'model', model, 'serial', serial_number, 'tin', tin,
                               'class', device_class::text,
                               'index', coalesce(registration_index::text, '')) AS facts
     FROM registry.fiscal_device WHERE uid = :uid)
    UNION ALL
    (SELECT entered_at, 2, encode(certificate_hash, 'hex'), 'certificate',
            jsonb_build_object('certificate', encode(certificate_hash, 'hex'), 'authority', authority,
                               'until', floor(extract(epoch FROM not_after) * 1000)::bigint::text)
     FROM registry.device_certificate WHERE uid = :uid)
    UNION ALL
    (SELECT r.revoked_at, 3, encode(r.certificate_hash, 'hex'), 'certificate-revoked',
            jsonb_build_object('certificate', encode(r.certificate_hash, 'hex'), 'reason', r.reason::text)
     FROM registry.revoked_certificate AS r JOIN registry.device_certificate AS c USING (certificate_hash)
     WHERE c.uid = :uid)
    UNION ALL
    (SELECT r.lifted_at, 4, encode(r.certificate_hash, 'hex'), 'certificate-released',
            jsonb_build_object('certificate', encode(r.certificate_hash, 'hex'))
     FROM registry.revoked_certificate AS r JOIN registry.device_certificate AS c USING (certificate_hash)
     WHERE c.uid = :uid AND r.lifted_at IS NOT NULL)
    UNION ALL
    (SELECT a.at, 5, lpad(a.seq::text, 19, '0'),
            CASE a.verb WHEN 'registry.hold-device' THEN 'held' WHEN 'registry.release-device' THEN 'released'
                        ELSE 'closed' END,
            jsonb_build_object('by', a.actor, 'reason', coalesce(convert_from(a.body, 'UTF8')::jsonb ->> 'purpose', ''))
     FROM activity.entry AS a
     WHERE a.object = 'device:' || :uid
       AND a.verb IN ('registry.hold-device', 'registry.release-device', 'registry.close-device')
       AND (a.at, 5, lpad(a.seq::text, 19, '0')) > (:at, :rank, :key) ORDER BY a.at, a.seq LIMIT :limit)
    UNION ALL
    (SELECT issued_at, 6, lpad(number::text, 10, '0'), 'command',
            (convert_from(payload, 'UTF8')::jsonb - 'labels')
                || jsonb_build_object('number', number::text, 'kind', kind,
                                      'until', floor(extract(epoch FROM expires_at) * 1000)::bigint::text)
     FROM remote.command WHERE uid = :uid AND (issued_at, 6, lpad(number::text, 10, '0')) > (:at, :rank, :key)
     ORDER BY issued_at, number LIMIT :limit)
    UNION ALL
    (SELECT superseded_at, 7, lpad(number::text, 10, '0'), 'command-superseded',
            jsonb_build_object('number', number::text, 'kind', kind, 'by', superseded_by::text)
     FROM remote.command WHERE uid = :uid AND (superseded_at, 7, lpad(number::text, 10, '0')) > (:at, :rank, :key)
     ORDER BY superseded_at, number LIMIT :limit)
    UNION ALL
    (SELECT fetched_at, 8, lpad(number::text, 10, '0'), 'command-fetched',
            jsonb_build_object('number', number::text, 'kind', kind)
     FROM remote.command WHERE uid = :uid AND (fetched_at, 8, lpad(number::text, 10, '0')) > (:at, :rank, :key)
     ORDER BY fetched_at, number LIMIT :limit)
    UNION ALL
    (SELECT received_at, 9, lpad(number::text, 10, '0') || sort,
            CASE sort WHEN 'contradiction' THEN 'result-contradicts' ELSE 'result' END,
            jsonb_build_object('number', number::text, 'signed', encode(compact, 'base64'))
     FROM remote.result WHERE uid = :uid AND (received_at, 9, lpad(number::text, 10, '0') || sort) > (:at, :rank, :key)
     ORDER BY received_at, number, sort LIMIT :limit)
    UNION ALL
    (SELECT first_at, 10, build_id, 'build-proved', jsonb_build_object('build', build_id)
     FROM builds.proved WHERE uid = :uid)
    UNION ALL
    (SELECT (day + 1)::timestamp AT TIME ZONE 'UTC', 11, '', 'calls',
            jsonb_build_object('day', day::text, 'calls', calls::text,
                               'first', floor(extract(epoch FROM first_at) * 1000)::bigint::text,
                               'last', floor(extract(epoch FROM last_at) * 1000)::bigint::text)
     FROM ecr.contact_day WHERE uid = :uid AND ((day + 1)::timestamp AT TIME ZONE 'UTC', 11, '') > (:at, :rank, :key)
     ORDER BY day LIMIT :limit)
    UNION ALL
    (SELECT (day + 1)::timestamp AT TIME ZONE 'UTC', 12, code, 'refusals',
            jsonb_build_object('day', day::text, 'code', code, 'times', times::text)
     FROM ecr.refusal_day WHERE uid = :uid AND ((day + 1)::timestamp AT TIME ZONE 'UTC', 12, code) > (:at, :rank, :key)
     ORDER BY day, code LIMIT :limit)
    UNION ALL
    (SELECT until, 13, floor(extract(epoch FROM since))::bigint::text, 'out-of-contact',
            jsonb_build_object('since', floor(extract(epoch FROM since) * 1000)::bigint::text)
     FROM batches.outage WHERE uid = :uid AND until >= :at ORDER BY until LIMIT :limit)
    UNION ALL
    (SELECT done_at, 14, encode(batch_id, 'hex'), 'batch-taken',
            jsonb_build_object('first', first_sequence::text, 'last', coalesce(last_sequence::text, ''),
                               'documents', documents::text,
                               'receipt', encode(receipt, 'base64'))
     FROM batches.batch WHERE uid = :uid AND state = 'done' AND done_at >= :at ORDER BY done_at LIMIT :limit)
) AS event
WHERE (at, rank, key) > (:at, :rank, :key) AND at <= :until
ORDER BY at, rank, key LIMIT :limit;
