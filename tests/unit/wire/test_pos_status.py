"""GET status: members in their forms, read back as a POS does."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from taxcore_values import GROUP

from tallystick.kernel.faults import Fault
from tallystick.kernel.status_codes import StatusCode
from tallystick.wire.pos_status import SdcStatus, read_status, status_answer

STATUS = SdcStatus(
    is_pin_required=True,
    audit_required=False,
    sdc_time=datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC),
    last_invoice_number="AB12CD34-AB12CD34-16",
    secure_element_version="3.2.8",
    hardware_version="1.0",
    software_version="0.1.0",
    device_serial_number="S-1",
    make="Tallystick",
    model="E-SDC",
    maker_codes=("M1",),
    status_codes=(StatusCode.PIN_REQUIRED, StatusCode.INTERNET_AVAILABLE),
    supported_languages=("sr-Cyrl-RS", "en-US"),
    uid="AB12CD34",
    tax_core_api="https://api.example/",
    current_tax_rates=GROUP,
    all_tax_rates=(GROUP,),
)


def test_members() -> None:
    value = json.loads(status_answer(STATUS, offset_minutes=60))
    assert value["sdcDateTime"] == "2026-03-02T10:15:30.0000000+01:00"
    assert (value["isPinRequired"], value["auditRequired"]) == (True, False)
    assert value["gsc"] == ["1500", "0210"]  # text, the leading zero counts
    assert value["protocolVersion"] == "1.0.0.0"
    assert value["currentTaxRates"]["groupId"] == 5  # an object (C-02)
    assert [group["groupId"] for group in value["allTaxRates"]] == [5]


def test_an_sdc_without_card_and_configuration() -> None:
    empty = SdcStatus(is_pin_required=False, audit_required=False, sdc_time=STATUS.sdc_time)
    value = json.loads(status_answer(empty, offset_minutes=None))
    assert (value["uid"], value["lastInvoiceNumber"], value["currentTaxRates"], value["allTaxRates"]) == (
        "",
        "",
        None,
        [],
    )
    assert read_status(status_answer(empty, offset_minutes=None)) == empty


def test_read_back() -> None:
    assert read_status(status_answer(STATUS, offset_minutes=60)) == STATUS


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{}",
        b'{"sdcDateTime":"now"}',
        b'{"sdcDateTime":"2026-03-02","uid":5}',
        b'{"sdcDateTime":"2026-03-02","gsc":"1500"}',
        b'{"sdcDateTime":"2026-03-02","allTaxRates":[5]}',
    ],
)
def test_what_is_no_status(body: bytes) -> None:
    with pytest.raises(Fault) as caught:
        read_status(body)
    assert caught.value.code == "TS-1220"


def test_v_sdc_status_with_few_members() -> None:
    assert read_status(b'{"SdcDateTime":"2026-03-02T09:15:30Z","gsc":["0000"]}').status_codes == ("0000",)
