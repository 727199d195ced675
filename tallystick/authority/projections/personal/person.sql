-- name: tin_registry_taxpayer
SELECT to_jsonb(t)::text FROM registry.taxpayer t WHERE t.tin = :name;

-- name: tin_registry_premises
SELECT to_jsonb(t)::text FROM registry.premises t WHERE t.tin = :name;

-- name: tin_registry_secure_element
SELECT to_jsonb(t)::text FROM registry.secure_element t WHERE t.tin = :name;

-- name: tin_registry_fiscal_device
SELECT to_jsonb(t)::text FROM registry.fiscal_device t WHERE t.tin = :name;

-- name: tin_registry_device_certificate
SELECT to_jsonb(t)::text FROM registry.device_certificate t WHERE t.tin = :name;

-- name: tin_registry_pending_register
SELECT to_jsonb(t)::text FROM registry.pending_register t WHERE t.tin = :name;

-- name: tin_registry_register_rule
SELECT to_jsonb(t)::text FROM registry.register_rule t WHERE t.tin = :name;

-- name: tin_agreements_agreement
SELECT to_jsonb(t)::text FROM agreements.agreement t WHERE t.tin = :name;

-- name: tin_registry_user_taxpayer
SELECT (to_jsonb(u) - 'password')::text FROM registry.user_taxpayer t JOIN registry.app_user u ON u.id = t.user_id
WHERE t.tin = :name;

-- name: tin_pki_issuance
SELECT to_jsonb(t)::text FROM pki.issuance t WHERE t.tin = :name;

-- name: tin_production_order_line
SELECT to_jsonb(t)::text FROM production.order_line t WHERE t.tin = :name;

-- name: tin_production_module
SELECT (to_jsonb(t) - 'pin_sealed')::text FROM production.module t JOIN production.order_line o USING (batch_id, line)
WHERE o.tin = :name;

-- name: tin_intake_quarantine
SELECT (to_jsonb(t) - 'body')::text FROM intake.quarantine t WHERE t.tin = :name;

-- name: tin_intake_evidence
SELECT (to_jsonb(t) - 'body')::text FROM intake.evidence t WHERE t.signed_by IN (SELECT uid FROM registry.secure_element WHERE tin = :name UNION SELECT uid FROM registry.fiscal_device WHERE tin = :name);

-- name: tin_intake_refused
SELECT to_jsonb(t)::text FROM intake.refused t WHERE t.token_tin = :name;

-- name: tin_intake_settled_place
SELECT (to_jsonb(t) - 'body')::text FROM intake.settled_place t WHERE t.tin = :name;

-- name: tin_media_upload_file
SELECT (to_jsonb(t) - 'body')::text FROM media.upload_file t WHERE t.tin = :name;

-- name: tin_commands_command
SELECT to_jsonb(t)::text FROM commands.command t WHERE t.uid IN (SELECT uid FROM registry.secure_element WHERE tin = :name UNION SELECT uid FROM registry.fiscal_device WHERE tin = :name);

-- name: tin_audit_request
SELECT to_jsonb(t)::text FROM audit.request t WHERE t.uid IN (SELECT uid FROM registry.secure_element WHERE tin = :name UNION SELECT uid FROM registry.fiscal_device WHERE tin = :name);

-- name: tin_audit_override
SELECT to_jsonb(t)::text FROM audit.override t WHERE t.uid IN (SELECT uid FROM registry.secure_element WHERE tin = :name UNION SELECT uid FROM registry.fiscal_device WHERE tin = :name);

-- name: tin_audit_cycle
SELECT to_jsonb(t)::text FROM audit.cycle t WHERE t.uid IN (SELECT uid FROM registry.secure_element WHERE tin = :name UNION SELECT uid FROM registry.fiscal_device WHERE tin = :name);

-- name: tin_builds_proved
SELECT to_jsonb(t)::text FROM builds.proved t WHERE t.uid IN (SELECT uid FROM registry.secure_element WHERE tin = :name UNION SELECT uid FROM registry.fiscal_device WHERE tin = :name);

-- name: tin_sdc_contact
SELECT to_jsonb(t)::text FROM sdc.contact t WHERE t.uid IN (SELECT uid FROM registry.secure_element WHERE tin = :name UNION SELECT uid FROM registry.fiscal_device WHERE tin = :name);

-- name: tin_inspections_case_file
SELECT to_jsonb(t)::text FROM inspections.case_file t WHERE t.tin = :name;

-- name: tin_inspections_seen
SELECT to_jsonb(t)::text FROM inspections.seen t JOIN inspections.case_file c USING (case_id) WHERE c.tin = :name;

-- name: tin_batches_batch
SELECT (to_jsonb(t) - 'manifest' - 'receipt')::text FROM batches.batch t WHERE t.tin = :name;

-- name: tin_batches_matter
SELECT to_jsonb(t)::text FROM batches.matter t WHERE t.tin = :name;

-- name: tin_erp_webhook
SELECT (to_jsonb(t) - 'salt' - 'message')::text FROM erp.webhook t
WHERE t.uid IN (SELECT uid FROM registry.fiscal_device WHERE tin = :name);

-- name: tin_ecr_delivery
SELECT to_jsonb(t)::text FROM ecr.delivery t WHERE t.tin = :name;

-- name: tin_ecr_contact_day
SELECT to_jsonb(t)::text FROM ecr.contact_day t WHERE t.uid IN (SELECT uid FROM registry.fiscal_device WHERE tin = :name);

-- name: tin_ecr_refusal_day
SELECT to_jsonb(t)::text FROM ecr.refusal_day t WHERE t.uid IN (SELECT uid FROM registry.fiscal_device WHERE tin = :name);

-- name: tin_remote_command
SELECT (to_jsonb(t) - 'payload' - 'compact' || jsonb_build_object('payload', convert_from(payload, 'UTF8'),
        'compact', convert_from(compact, 'UTF8')))::text
FROM remote.command t WHERE t.uid IN (SELECT uid FROM registry.fiscal_device WHERE tin = :name);

-- name: tin_remote_result
SELECT (to_jsonb(t) - 'compact' || jsonb_build_object('compact', convert_from(compact, 'UTF8')))::text
FROM remote.result t WHERE t.uid IN (SELECT uid FROM registry.fiscal_device WHERE tin = :name);

-- name: tin_taxservice_item
SELECT to_jsonb(t)::text FROM taxservice.item t WHERE t.tin = :name;

-- name: tin_taxservice_receipt
SELECT to_jsonb(t)::text FROM taxservice.receipt t WHERE t.tin = :name;

-- name: tin_activity_entry
SELECT convert_from(t.body, 'UTF8') FROM activity.entry t WHERE t.for_whom = :name ORDER BY t.seq;

-- name: tin_approvals_request
SELECT to_jsonb(t)::text FROM approvals.request t WHERE t.content ->> 'tin' = :name;

-- name: buyer_intake_quarantine
SELECT (to_jsonb(t) - 'body')::text FROM intake.quarantine t WHERE t.entry_index = ANY(:entries);

-- name: buyer_intake_evidence
SELECT (to_jsonb(t) - 'body')::text FROM intake.evidence t WHERE t.entry_index = ANY(:entries);

-- name: buyer_approvals_request
SELECT to_jsonb(t)::text FROM approvals.request t WHERE t.content ->> 'buyer' = :name;

-- name: user_registry_app_user
SELECT (to_jsonb(t) - 'password')::text FROM registry.app_user t WHERE t.username = :name;

-- name: user_registry_user_taxpayer
SELECT to_jsonb(t)::text FROM registry.user_taxpayer t WHERE t.user_id = (SELECT id FROM registry.app_user WHERE username = :name);

-- name: user_media_upload
SELECT to_jsonb(t)::text FROM media.upload t WHERE t.user_id = (SELECT id FROM registry.app_user WHERE username = :name);

-- name: user_media_upload_file
SELECT (to_jsonb(t) - 'body')::text FROM media.upload_file t JOIN media.upload u USING (upload_id)
WHERE u.user_id = (SELECT id FROM registry.app_user WHERE username = :name);

-- name: user_activity_entry
SELECT convert_from(t.body, 'UTF8') FROM activity.entry t
WHERE t.actor IN (SELECT role || ':' || :name FROM unnest(ARRAY['officer', 'operator', 'taxpayer', 'manufacturer',
                  'service_centre', 'developer', 'user']) AS known (role))
   OR t.for_whom = :name
ORDER BY t.seq;

-- name: user_approvals_request
SELECT to_jsonb(t)::text FROM approvals.request t WHERE :name IN (t.asked_by, t.decided_by);

-- name: user_builds_maker
SELECT to_jsonb(t)::text FROM builds.maker t WHERE t.user_id = (SELECT id FROM registry.app_user WHERE username = :name);

-- name: user_builds_decision
SELECT to_jsonb(t)::text FROM builds.decision t WHERE t.decided_by IN (:name, 'officer:' || :name);

-- name: user_pki_issuance
SELECT to_jsonb(t)::text FROM pki.issuance t WHERE t.holder = 'staff:' || :name OR t.requested_by IN (:name, 'officer:' || :name);

-- name: user_pki_enrolment_code
SELECT (to_jsonb(t) - 'code_hash')::text FROM pki.enrolment_code t WHERE t.issued_by IN (:name, 'officer:' || :name);

-- name: user_audit_override
SELECT to_jsonb(t)::text FROM audit.override t WHERE :name IN (t.asked_by, t.decided_by);

-- name: user_inspections_case_file
SELECT to_jsonb(t)::text FROM inspections.case_file t WHERE t.closed_by = :name;

-- name: user_intake_quarantine
SELECT (to_jsonb(t) - 'body')::text FROM intake.quarantine t WHERE t.decided_by = :name;

-- name: user_personal_erasure
SELECT to_jsonb(t)::text FROM personal.erasure t WHERE :name IN (t.asked_by, t.approved_by);

-- name: user_witnesses_policy
SELECT to_jsonb(t)::text FROM witnesses.policy t WHERE :name IN (t.asked_by, t.approved_by);

-- name: user_production_batch
SELECT to_jsonb(t)::text FROM production.batch t WHERE :name IN (t.asked_by, t.opened_by, t.closed_by);

-- name: user_production_print_job
SELECT to_jsonb(t)::text FROM production.print_job t WHERE t.made_by = :name;

-- name: user_agreements_agreement
SELECT to_jsonb(t)::text FROM agreements.agreement t
WHERE ARRAY[t.concluded_by, t.ended_by] && ARRAY['officer:' || :name, 'operator:' || :name];

-- name: user_registry_pending_register
SELECT to_jsonb(t)::text FROM registry.pending_register t
WHERE t.decided_by IN ('officer:' || :name, 'operator:' || :name, 'service_centre:' || :name);

-- name: user_registry_register_rule
SELECT to_jsonb(t)::text FROM registry.register_rule t
WHERE t.set_by IN ('officer:' || :name, 'operator:' || :name, 'service_centre:' || :name, 'taxpayer:' || :name);

-- name: open_uploads
SELECT set_config('tallystick.taxpayers', '{*}', true),
       set_config('tallystick.user', coalesce((SELECT id FROM registry.app_user WHERE username = :name), -1)::text, true);
