"""The second version of the interface, switched on: other names in front of the same signer (16.2.12)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from vsdc_bench import Hosted

from tallystick.authority.channels.vsdc.older import as_newer, as_older

REQUEST: dict[str, Any] = {
    "BD": "10:123456",
    "IT": 0,
    "TT": "Sale",
    "PaymentType": "Cash",
    "Hash": "1B2M2Y8AsgTpgAmY7PhCfg==",
    "DateAndTimeOfIssue": "2026-03-02T10:15:30Z",
    "Cashier": "Ana",
    "Items": [
        {"GTIN": "12345678", "Name": "Tea", "Quantity": 2, "Discount": 0, "Labels": ["A"], "UnitPrice": 1.5}
        | {"TotalAmount": 3}
    ],
}
PATH = "/api/Sign/SignInvoice"


def test_16_2_12_the_older_interface_signs_in_the_same_series(start: Callable[..., Hosted]) -> None:
    hosted = start(older_interface=True)
    papers = hosted.papers()
    pos = hosted.pos(papers, pac=None)
    reply = pos.ask("POST", PATH, json.dumps(REQUEST | {"PAC": papers.pac}).encode())
    assert reply.status == 200, reply.body
    answer = reply.json
    assert answer["IN"].startswith(f"{pos.uid}-")
    assert answer["IC"].startswith("1/1")
    assert {"DT", "ID", "S", "TIN", "MRC", "VerificationUrl", "Journal", "TaxItems", "TotalAmount"} <= set(answer)
    assert {"Label", "Amount", "Rate"} <= set(answer["TaxItems"][0])
    assert "taxGroupRevision" not in answer
    assert hosted.pos(papers).sell().json["totalCounter"] == 2


def test_the_older_interface_refuses_in_its_own_shape(start: Callable[..., Hosted]) -> None:
    hosted = start(older_interface=True)
    papers = hosted.papers()
    pos = hosted.pos(papers, pac=None)
    for changes, status, details in (
        ({}, 401, "TS-1120"),
        ({"PAC": "WRONG1"}, 401, "TS-1120"),
        ({"PAC": papers.pac, "IT": 4}, 400, "invoiceType:2805"),
        ({"PAC": papers.pac, "Items": []}, 400, "items:2807"),
        ({"PAC": papers.pac, "Items": 7}, 400, "items:2805"),
    ):
        reply = pos.ask("POST", PATH, json.dumps(REQUEST | changes).encode())
        assert reply.status == status, reply.body
        assert set(reply.json) == {"Message", "MessageDetails"}
        assert details in reply.json["MessageDetails"]
    assert pos.ask("POST", PATH, b"[").status == 400
    assert hosted.numbers(pos.uid) == []


def test_names_there_and_back() -> None:
    newer = json.loads(as_newer({key.lower(): value for key, value in REQUEST.items()}))
    assert newer["buyerId"] == "10:123456"
    assert newer["payment"] == [{"amount": 3, "paymentType": "Cash"}]
    assert newer["items"][0] == {
        "gtin": "12345678", "name": "Tea", "quantity": 2, "labels": ["A"], "unitPrice": 1.5, "totalAmount": 3
    }  # fmt: skip
    assert json.loads(as_older(b'{"sdcDateTime":"x","tin":"1","taxItems":[{"rate":9}]}')) == {
        "DT": "x", "TIN": "1", "TaxItems": [{"Rate": 9}]
    }  # fmt: skip
