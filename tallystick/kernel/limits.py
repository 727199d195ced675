"""Every bound of the system in one place, with its unit in its name."""

from __future__ import annotations

import attrs


@attrs.frozen(slots=True, kw_only=True)
class Limits:
    """Bounds on what is read from outside. Sizes are bytes unless the name says otherwise."""

    json_depth: int = 16
    json_depth_taxcore: int = 32
    json_members_per_object: int = 256
    json_elements_per_array: int = 10_000
    json_values: int = 32_768
    json_string_bytes: int = 32 * 1024
    json_number_characters: int = 40
    pos_request_bytes: int = 1024 * 1024
    pos_items: int = 1_000
    pos_payments: int = 100
    item_name_characters: int = 2_048
    item_labels: int = 12
    cashier_characters: int = 50
    buyer_id_bytes: int = 20
    buyer_cost_center_characters: int = 50
    invoice_number_characters: int = 60
    referent_number_characters: int = 50
    request_id_characters: int = 32
    gtin_characters_min: int = 8
    gtin_characters_max: int = 14
    money_integer_digits: int = 14
    quantity_integer_digits: int = 14
    audit_package_bytes: int = 1024 * 1024
    audit_payload_bytes: int = 700 * 1024
    control_call_bytes: int = 64 * 1024
    audit_request_bytes: int = 264
    certificate_request_bytes: int = 16 * 1024
    medium_commands_bytes: int = 1024 * 1024
    upload_request_bytes: int = 64 * 1024 * 1024
    upload_request_files: int = 2_000
    upload_archive_entries: int = 20_000
    upload_archive_directory_bytes: int = 4 * 1024 * 1024
    upload_archive_opened_bytes: int = 256 * 1024 * 1024
    upload_files: int = 50_000
    uploads_waiting_files_per_user: int = 100_000
    header_section_bytes: int = 16 * 1024
    verification_url_bytes: int = 2 * 1024
    tax_categories_on_card: int = 12
    pin_digits: int = 4
    pin_tries: int = 5
    pac_tries: int = 5
    pac_locked_minutes: int = 15
    vsdc_waiting_per_pos: int = 8
    vsdc_requests_in_work: int = 512
    token_lifetime_hours: int = 8
    sequencer_queue_documents: int = 4_096
    sequencer_batch_documents: int = 512
    sequencer_batch_bytes: int = 4 * 1024 * 1024
    sequencer_batch_ms: int = 20
    esdc_queue_requests: int = 32
    ntp_root_distance_ms: int = 1_500
    ntp_spread_ms: int = 250
    clock_step_seconds: int = 1_000
    clock_year_first: int = 2000
    clock_year_last: int = 2100
    device_log_line_characters: int = 400
    face_form_bytes: int = 4 * 1024
    face_search_characters: int = 80
    face_lines: int = 200
    timestamps_per_address_hour: int = 600
    opening_failures_per_uid_hour: int = 20
    opening_failures_per_taxpayer_day: int = 60
    unknown_codes_per_address_minute: int = 60
    kept_refusals_per_device_hour: int = 60
    first_requests_per_address_hour: int = 60
    pending_registers_per_taxpayer: int = 500
    pending_registers: int = 50_000
    pending_register_days: int = 30
    register_codes_per_day: int = 20
    register_text_characters: int = 80
    pos_answer_bytes: int = 2 * 1024 * 1024
    receipt_lines: int = 70_000
    override_lifetime_hours: int = 24
    override_ranges: int = 1_000
    approval_lifetime_hours: int = 24
    reason_characters_least: int = 10
    reason_characters_most: int = 1_000
    worm_record_bytes: int = 260 * 1024
    worm_segment_bytes: int = 16 * 1024 * 1024
    worm_segments: int = 100_000
    worm_records: int = 2_000_000
    worm_bytes: int = 16 * 1024 * 1024 * 1024
    worm_reserve_records: int = 1_000
    worm_reserve_bytes: int = 16 * 1024 * 1024
    worm_records_between_seals: int = 50
    worm_checkpoint_bytes: int = 16 * 1024
    worm_note_bytes: int = 1_024


LIMITS = Limits()
