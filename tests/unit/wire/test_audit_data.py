"""Audit data: what we write, what foreign devices write, what the signature needs, and what is only noted."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import attrs
import pytest
from taxcore_values import INTERNAL_DATA, PREFIX, RESULT, SALE, base64

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money, Quantity
from tallystick.kernel.invoice import TaxCategoryType
from tallystick.wire.audit_data import AuditData, read_audit_data, rescue_verification_url, write_audit_data

PLAIN = write_audit_data(SALE, RESULT)


def document() -> dict[str, Any]:
    """The written package as Python values; floats stand for its decimals."""
    value: dict[str, Any] = json.loads(PLAIN)
    return value


def changed(half: str, **changes: Any) -> bytes:
    """The package with members of one half changed, or left out with ``...``."""
    value = document()
    value[half] |= changes
    value[half] = {key: member for key, member in value[half].items() if member is not ...}
    return json.dumps(value).encode()


def noted(data: AuditData) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in data.reading_faults]


def test_s2_059_written_and_read_back() -> None:
    data = read_audit_data(PLAIN)
    assert data.request == SALE
    assert data.result == RESULT
    assert (data.flags, data.reading_faults) == ((), ())


def test_s2_065_s2_075_s2_082_journal_always_utc_and_never_the_image() -> None:
    local = RESULT.sdc_time.astimezone(timezone(timedelta(hours=1)))
    plain = write_audit_data(SALE, attrs.evolve(RESULT, sdc_time=local, verification_qr_code=b"GIF"))
    result = json.loads(plain)["result"]
    assert result["sdcDateTime"] == "2026-03-02T09:15:30.1230000Z"
    assert result["journal"] == RESULT.journal
    assert result["verificationQRCode"] is None


def test_any_key_order_case_and_unknown_keys() -> None:
    def foreign(value: Any) -> Any:
        if isinstance(value, dict):
            return {key[0].upper() + key[1:]: foreign(member) for key, member in reversed(value.items())} | {"x": 1}
        return [foreign(one) for one in value] if isinstance(value, list) else value

    data = read_audit_data(json.dumps(foreign(document())).encode())
    assert (data.request, data.result, data.flags) == (SALE, RESULT, ())
    assert data.raw["x"] == 1


def test_enumerations_as_numbers_and_text() -> None:
    assert read_audit_data(changed("request", invoiceType=0, transactionType="0")).request == SALE
    taxes = document()["result"]["taxItems"]
    taxes[1]["categoryType"] = "AmountPerQuantity"
    data = read_audit_data(changed("result", taxItems=taxes))
    assert data.result.tax_items[1].category_type is TaxCategoryType.AMOUNT_PER_QUANTITY


@pytest.mark.parametrize(
    ("half", "key", "value", "look"),
    [
        ("result", "mrc", "", lambda data: data.result.mrc),
        ("result", "verificationUrl", "", lambda data: data.result.verification_url),
        ("result", "journal", None, lambda data: data.result.journal),
        ("result", "tin", "", lambda data: data.result.seller.tin),
        ("request", "payment", (), lambda data: data.request.payments),
        ("result", "taxItems", (), lambda data: data.result.tax_items),
        ("result", "messages", "", lambda data: data.result.messages),
    ],
)
def test_absent_parts_are_empty_for_the_pipeline_to_judge(
    half: str, key: str, value: object, look: Callable[[AuditData], object]
) -> None:
    for absent in (..., None):
        data = read_audit_data(changed(half, **{key: absent}))
        assert look(data) == value
        assert data.reading_faults == ()


def test_what_the_contract_lets_a_device_leave_out_is_taken_from_elsewhere() -> None:
    data = read_audit_data(
        changed(
            "result",
            requestedBy=...,
            signedBy=...,
            totalCounter=...,
            transactionTypeCounter=...,
            invoiceCounterExtension=...,
            totalAmount=...,
        )
    )
    assert data.result == RESULT
    assert data.flags == ("total-missing",)


@pytest.mark.parametrize(
    ("half", "key", "values"),
    [
        ("request", "invoiceType", [..., None, "Sale", 5]),
        ("request", "transactionType", [..., 7, []]),
        ("request", "buyerId", ["1" * 21, "Ж" * 11, 1.5, []]),
        ("result", "invoiceNumber", [..., "", 5, "AB12CD34-AB12CD34-0", "AB12CD34-AB12CD34-4294967296"]),
        ("result", "sdcDateTime", [..., 5, "", "2026-13-01T00:00:00Z"]),
        ("result", "transactionTypeCounter", ["6", -1, 2**32, 1.5]),
        ("result", "totalAmount", ["x", -0.01, 1e13, True]),
        ("result", "encryptedInternalData", [..., "", base64(bytes(255)), "!", 5]),
        ("result", "signature", [..., "", base64(bytes(512)), []]),
    ],
)
def test_what_the_signature_needs_must_be_readable(half: str, key: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(Fault) as caught:
            read_audit_data(changed(half, **{key: value}))
        assert (caught.value.code, caught.value.fields[0].pointer) == ("TS-1202", f"/{half}/{key}")


@pytest.mark.parametrize(
    "plain",
    [b"[]", b"{}", b'{"request":{}}', b'{"result":{},"request":5}', PLAIN.replace(b'"request":', b'"Result":', 1)],
)
def test_another_shape(plain: bytes) -> None:
    with pytest.raises(Fault) as caught:
        read_audit_data(plain)
    assert caught.value.code == "TS-1202"


@pytest.mark.parametrize(
    ("half", "changes", "expected"),
    [
        ("request", {"items": ...}, [("/request/items", "1")]),
        ("request", {"items": {}}, [("/request/items", "5"), ("/request/items", "1")]),
        ("request", {"payment": "cash"}, [("/request/payment", "5")]),
        ("request", {"payment": [{"amount": 1, "paymentType": 9}]}, [("/request/payment/0/paymentType", "5")]),
        ("request", {"payment": [5]}, [("/request/payment/0/paymentType", "5"), ("/request/payment/0/amount", "1")]),
        ("request", {"dateAndTimeOfIssue": "soon"}, [("/request/dateAndTimeOfIssue", "5")]),
        ("request", {"referentDocumentDT": 5}, [("/request/referentDocumentDT", "5")]),
        ("request", {"cashier": []}, [("/request/cashier", "5")]),
        ("result", {"requestedBy": "ZZ99YYO0"}, [("/result/requestedBy", "4")]),
        ("result", {"totalCounter": 17}, [("/result/totalCounter", "4")]),
        ("result", {"taxGroupRevision": ...}, [("/result/taxGroupRevision", "1")]),
        ("result", {"taxGroupRevision": "5"}, [("/result/taxGroupRevision", "5")]),
        ("result", {"mrc": 5}, [("/result/mrc", "5")]),
        ("result", {"taxItems": 5}, [("/result/taxItems", "5")]),
        (
            "result",
            {"taxItems": [{}]},
            [
                ("/result/taxItems/0/categoryType", "5"),
                ("/result/taxItems/0/label", "1"),
                ("/result/taxItems/0/rate", "1"),
                ("/result/taxItems/0/amount", "1"),
            ],
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_the_signature_does_not_need_is_only_noted(
    half: str, changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert noted(read_audit_data(changed(half, **changes))) == expected


def test_a_broken_item_is_noted_and_the_others_are_read() -> None:
    items = [{"name": 5, "quantity": "two", "unitPrice": 1e30, "labels": [1, "A"]}, *document()["request"]["items"]]
    data = read_audit_data(changed("request", items=items))
    assert noted(data) == [
        ("/request/items/0/name", "5"),
        ("/request/items/0/quantity", "5"),
        ("/request/items/0/unitPrice", "4"),
        ("/request/items/0/labels", "5"),
        ("/request/items/0/totalAmount", "1"),
    ]
    assert data.request.items[0].labels == ("A",)
    assert data.request.items[1:] == SALE.items


def test_more_decimals_are_rounded_flagged_and_kept_raw() -> None:
    plain = PLAIN.replace(b'"quantity":0.893', b'"quantity":0.89349999999999999999999999999999')
    data = read_audit_data(plain)
    assert data.request.items[1].quantity == Quantity(893)
    assert data.flags == ("more-decimals",)
    raw: Any = data.raw
    assert raw["request"]["items"][1]["quantity"] == Decimal("0.89349999999999999999999999999999")


def test_numbers_as_text_and_negative_amounts_are_understood() -> None:
    items = [{**document()["request"]["items"][0], "totalAmount": "-60.20"}]
    data = read_audit_data(changed("request", items=items))
    assert data.request.items[0].total_amount == Money(-602_000)
    assert data.flags == ("number-as-text",)


def test_duplicate_labels_are_one_and_their_case_is_kept() -> None:
    items = [{**document()["request"]["items"][0], "labels": ["a", "P", "a"]}]
    data = read_audit_data(changed("request", items=items))
    assert data.request.items[0].labels == ("a", "P")
    assert data.reading_faults == ()


def test_a_key_in_two_spellings_is_flagged() -> None:
    assert read_audit_data(changed("request", CASHIER="x")).flags == ("key-twice",)


@pytest.mark.parametrize("name", ["evil\u202e", "\u2066x", "\u200f", "\u061c"])
def test_text_that_turns_its_direction_is_flagged_escaped_or_not(name: str) -> None:
    value = document()
    value["request"]["items"][0]["name"] = name
    for ascii_only in (True, False):
        assert read_audit_data(json.dumps(value, ensure_ascii=ascii_only).encode()).flags == ("bidi-control",)
    assert read_audit_data(changed("request", cashier="– ا ’")).flags == ()


def test_times_without_offset() -> None:
    plain = changed("request", dateAndTimeOfIssue="2026-03-02T10:15:00")
    moment = read_audit_data(plain, zone=timezone(timedelta(hours=1))).request.date_and_time_of_issue
    assert moment == datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
    assert read_audit_data(changed("result", sdcDateTime="2026-03-02T09:15:30.123")).result.sdc_time == RESULT.sdc_time


def test_a_journal_of_a_thousand_items_is_one_long_string() -> None:
    journal = "Ж" * 100_000
    assert read_audit_data(write_audit_data(SALE, attrs.evolve(RESULT, journal=journal))).result.journal == journal


def test_internal_data_of_512_bytes() -> None:
    result = attrs.evolve(RESULT, encrypted_internal_data=INTERNAL_DATA * 2)
    assert read_audit_data(write_audit_data(SALE, result)).result == result


def test_the_url_can_be_rescued_from_a_package_that_cannot_be_read() -> None:
    url = PREFIX + "AAAA"
    broken = PLAIN.replace(b'"invoiceType":"Normal"', b'"invoiceType":NaN')
    with pytest.raises(Fault):
        read_audit_data(broken)
    assert rescue_verification_url(broken) == url
    assert rescue_verification_url(broken.replace(b"/", b"\\/")) == url
    assert rescue_verification_url(PLAIN.replace(b"verificationUrl", b"url")) is None
    assert rescue_verification_url(b'"verificationUrl":"\\q"') is None
    assert rescue_verification_url(b'"verificationUrl":"' + b"a" * 5000 + b'"') is None
