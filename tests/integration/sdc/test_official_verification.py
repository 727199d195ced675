"""Official verification for certificate holders: metadata alone, and only of what the asker was shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.package_maker import Card

PATH = "/api/invoices/verifyInvoice"
MEMBERS = {
    "status",
    "isValid",
    "invoiceNumber",
    "taxId",
    "invoiceType",
    "transactionType",
    "totalAmount",
    "sdcTime",
    "receivedAt",
    "logIndex",
}


def signed_url(authority: Any) -> str:
    """What a till printed and nobody has sent in yet."""
    card = Card("ABCD1234", "100000001", authority.pki.key, authority.pki.key.public)
    return str(card.invoice(at=authority.clock.now)[1].verification_url)


def test_a_certificate_holder_learns_the_state_of_an_invoice(authority: Any) -> None:
    device = authority.device(signed_in=False)
    reply = device.call("POST", PATH, json.dumps({"verificationUrl": signed_url(authority)}))
    assert reply.status == 200
    assert set(reply.json) == MEMBERS
    assert (reply.json["status"], reply.json["isValid"]) == ("pending", False)
    assert reply.json["invoiceNumber"] == "ABCD1234-ABCD1234-1"
    assert (reply.json["taxId"], reply.json["logIndex"]) == ("100000001", None)
    assert reply.json["sdcTime"].endswith("Z")


def test_a_url_that_somebody_made_up_says_nothing(authority: Any) -> None:
    device = authority.device(signed_in=False)
    url = signed_url(authority)
    for wrong in (url[:-40] + "A" * 40, "https://elsewhere.example/?vl=AAAA", "x"):
        reply = device.call("POST", PATH, json.dumps({"VerificationUrl": wrong}))
        assert (reply.status, reply.json["status"]) == (200, "not-verifiable")
        assert [name for name in MEMBERS if reply.json[name] not in (None, False)] == ["status"]


def test_ts_1101_without_a_certificate_there_is_no_answer(authority: Any) -> None:
    reply = authority.stranger().call("POST", PATH, json.dumps({"verificationUrl": "x"}))
    assert (reply.status, reply.code) == (401, "TS-1101")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 400, "TS-1210"),
        ("[]", 422, "TS-1220"),
        ("{}", 422, "TS-1220"),
        ('{"verificationUrl":7}', 422, "TS-1220"),
        ("[" * 40, 400, "TS-1211"),
        (" " * 70_000, 413, "TS-1003"),
    ],
)
def test_a_question_that_is_none_is_coded(authority: Any, body: str, status: int, code: str) -> None:
    reply = authority.device(signed_in=False).call("POST", PATH, body)
    assert (reply.status, reply.code) == (status, code)
