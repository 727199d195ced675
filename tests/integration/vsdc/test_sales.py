"""Sales over the hosted signer: answers, counters, repeats, status (S2-028 to S2-039, wire: chapters 2 and 9)."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from esdc_bench import Bench
from esdc_bench import seller as esdc_seller
from vsdc_bench import ADDRESSES, PAC_SECRET, Hosted, basket

from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.entry import Channel
from tallystick.authority.projections.verification.check import State, check
from tallystick.device.esdc.fiscalise import Order
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.ops.hosting import enrol
from tallystick.wire.leaf import read_leaf

EMPTY = {"lastInvoiceNumber", "isPinRequired", "auditRequired", "mssc", "deviceSerialNumber", "make", "model"}


def shown(hosted: Hosted, answer: dict[str, Any]) -> ledger.LedgerDocument | None:
    """The document in the ledger. The answer left behind the gate; readers see the signed head a moment later."""
    number, until = SdcInvoiceNumber.parse(answer["invoiceNumber"]), time.monotonic() + 10
    while True:
        with hosted.database() as conn:
            found = ledger.document_by_number(conn, number.requested_by, number.signed_by, number.ordinal)
        if (found is not None and found.acked) or time.monotonic() > until:
            return found
        time.sleep(0.02)


def test_s2_028_to_s2_039_a_sale_is_checked_signed_booked_and_answered(hosted: Hosted) -> None:
    pos = hosted.pos()
    reply = pos.sell()
    assert reply.status == 200, reply.body
    answer = reply.json
    assert answer["requestedBy"] == pos.uid
    assert answer["signedBy"].endswith("O0")
    assert answer["invoiceNumber"] == f"{pos.uid}-{answer['signedBy']}-1"
    assert answer["invoiceCounter"] == f"1/1{answer['invoiceCounterExtension']}"
    assert answer["tin"] == "100000001", "the taxpayer is the one who asks"
    assert answer["businessName"] == "Bakery 1 Ltd"
    assert len(base64.b64decode(answer["signature"])) == 256
    assert len(base64.b64decode(answer["encryptedInternalData"])) in (256, 512)
    assert answer["verificationQRCode"] is None
    assert answer["mrc"] == "02-0001-TEST"
    booked = shown(hosted, answer)
    assert booked is not None
    assert booked.acked, "the gate"
    assert read_leaf(booked.leaf).channel == Channel.VSDC
    assert hosted.rows("SELECT tin FROM ledger.identity WHERE se_total = 1")[0][0] in ("100000001", b"100000001")
    assert booked.flags == ()


def test_the_verification_page_knows_what_a_hosted_signer_signed(hosted: Hosted) -> None:
    answer = hosted.pos().sell().json

    def find(number: SdcInvoiceNumber) -> ledger.LedgerDocument | None:
        with hosted.database() as conn:
            return ledger.document_by_number(conn, number.requested_by, number.signed_by, number.ordinal)

    element = hosted.services.directory.secure_element
    shown(hosted, answer)
    verdict = check(answer["verificationUrl"], element, find)
    assert verdict.state is State.VALID
    assert verdict.facts is not None
    assert verdict.facts.requester.tin == "100000001"
    assert check(answer["verificationUrl"], element, lambda number: None).state is State.PENDING


def test_counters_belong_to_the_pair_and_to_the_type(hosted: Hosted) -> None:
    first, second = hosted.pos(number=1), hosted.pos(number=2)
    assert [first.sell().json["totalCounter"] for _ in range(3)] == [1, 2, 3]
    assert second.sell().json["totalCounter"] == 1
    training = first.sell(basket(invoiceType="Training")).json
    assert (training["totalCounter"], training["transactionTypeCounter"]) == (4, 1)
    assert first.sell().json["invoiceCounter"].startswith("4/5")


def test_s0_037_the_same_request_again_gets_the_same_answer_again(hosted: Hosted) -> None:
    pos = hosted.pos()
    request = basket(options={})
    first = pos.sell(request, RequestId="till-1")
    again = pos.sell(request, RequestId="till-1")
    assert first.status == again.status == 200
    assert again.body == first.body, "made again from the ledger, byte for byte"
    assert first.json["verificationQRCode"] is not None
    found = pos.ask("GET", "/api/v3/invoices/till-1")
    assert found.body == first.body
    assert pos.ask("GET", "/api/v3/invoices/till-2").body == b"null"
    other = pos.sell(basket(cashier="Bo"), RequestId="till-1")
    assert other.json["totalCounter"] == 2, "the same id with other bytes is another invoice"
    assert pos.ask("GET", "/api/v3/invoices/till-1").body == other.body
    assert pos.sell(request, RequestId="till-1").body == first.body
    assert len(hosted.numbers(pos.uid)) == 2


@pytest.mark.parametrize("request_id", ["a/b//c", "till 1", "каса-7".encode().decode("latin-1"), "x/", "%41?b", "//"])
def test_s0_037_whatever_id_a_pos_chooses_it_finds_again(hosted: Hosted, request_id: str) -> None:
    pos = hosted.pos()
    first = pos.sell(RequestId=request_id)
    assert first.status == 200
    path = f"/api/v3/invoices/{quote(request_id, safe='', encoding='latin-1')}"
    assert pos.ask("GET", path).body == first.body, "not found means: sell again"


def test_a_repeat_is_answered_even_when_it_would_be_refused_now(hosted: Hosted) -> None:
    pos = hosted.pos()
    first = pos.sell(RequestId="a", Accept_Language="en-US")
    again = pos.sell(RequestId="a", Accept_Language="xx-XX")
    assert again.body == first.body


def test_another_pos_does_not_see_the_answer(hosted: Hosted) -> None:
    first, second = hosted.pos(number=1), hosted.pos(number=2)
    first.sell(RequestId="a")
    assert second.ask("GET", "/api/v3/invoices/a").body == b"null"


def test_paths_and_keys_are_taken_as_real_clients_send_them(hosted: Hosted) -> None:
    pos = hosted.pos()
    body = {
        "InvoiceType": 0,
        "TRANSACTIONTYPE": "sale",
        "Payment": [{"Amount": 1, "PaymentType": "cash"}],
        "Hash": "d41d8cd98f00b204e9800998ecf8427e",
        "Items": [{"GTIN": None, "Name": "x", "Quantity": 1, "UnitPrice": 1, "Labels": ["a"], "TotalAmount": 1}],
    }
    sent = json.dumps(body).encode()
    for path, kind in (
        ("//api/v3/invoices", "application/json"),
        ("/API/V3/Invoices/", "text/json; charset=utf-8"),
        ("/api//v3/invoices", "text/plain"),
    ):
        assert pos.ask("POST", path, b"\xef\xbb\xbf" + sent, Content_Type=kind).status == 200


def test_s2_069_the_first_language_that_is_spoken_else_406(hosted: Hosted) -> None:
    pos = hosted.pos()
    assert pos.sell(Accept_Language="xx-XX;en-US;q=0.8").status == 200
    refused = pos.sell(Accept_Language="xx-XX")
    assert refused.status == 406
    assert refused.errors == [("Accept-Language", ["2805"])]
    assert len(hosted.numbers(pos.uid)) == 1


def test_status_environment_and_attention(hosted: Hosted) -> None:
    pos = hosted.pos()
    attention = pos.ask("GET", "/api/v3/attention")
    assert (attention.status, attention.body) == (200, b"")
    status = pos.ask("GET", "/api/v3/status").json
    assert not EMPTY & set(status), "members of a device at the premises"
    assert status["gsc"] == ["0000"]
    assert status["uid"] == pos.uid
    assert isinstance(status["currentTaxRates"], dict)
    assert isinstance(status["allTaxRates"], list)
    environment = pos.ask("GET", "/api/v3/environment-parameters").json
    assert environment["endpoints"]["vsdc"] == "https://127.0.0.1:8446/"
    pin = pos.ask("POST", "/api/v3/pin", b"1234")
    assert (pin.status, pin.code) == (404, "TS-1001")
    wrong_method = pos.ask("DELETE", "/api/v3/invoices")
    assert (wrong_method.status, wrong_method.headers["allow"]) == (405, "POST")
    head = pos.ask("HEAD", "/api/v3/status")
    assert (head.status, head.body) == (200, b"")


def test_the_older_interface_is_off_until_it_is_switched_on(hosted: Hosted) -> None:
    assert hosted.pos().ask("POST", "/api/Sign/SignInvoice", b"{}").status == 404


TIME = re.compile(r"\d{1,2}[:.]\d{2}[:.]\d{2}")


def test_s0_059_a_refund_beyond_its_original_is_signed_and_booked_with_its_code(hosted: Hosted) -> None:
    """The wire knows no code that refuses it; what it takes is noted as that of a card is."""
    pos = hosted.pos()
    original = pos.sell().json["invoiceNumber"]

    def refund(total: float) -> tuple[str, ...]:
        item = {"name": "Bag", "quantity": 1, "unitPrice": total, "labels": ["A"], "totalAmount": total}
        request = basket(
            transactionType="Refund", referentDocumentNumber=original, items=[item],
            payment=[{"amount": total, "paymentType": "Cash"}],
        )  # fmt: skip
        reply = pos.ask("POST", "/api/v3/invoices", json.dumps(request).encode())
        assert reply.status == 200, reply.body
        booked = shown(hosted, reply.json)
        assert booked is not None
        return booked.flags

    assert [refund(1.00), refund(999.00), refund(0.01)] == [(), ("TS-2104",), ("TS-2104",)]
    taken = hosted.rows(
        "SELECT sequence, amount, given FROM intake.refund_claim WHERE original = %s ORDER BY 1", original
    )
    assert taken == [(2, 10_000, True), (3, 9_990_000, True), (4, 100, True)]


def test_16_2_9_the_same_request_gives_the_taxes_and_the_journal_of_an_e_sdc(hosted: Hosted, tmp_path: Path) -> None:
    """Apart from signer and MRC: two makes of signer, one answer."""
    bench = Bench(tmp_path / "esdc")
    bench.clock.now = datetime.now(UTC)
    bench.ready()
    with hosted.database() as conn:
        papers = enrol(conn, hosted.pki, hosted.pack, esdc_seller(), ADDRESSES, hosted.clock(), pac_secret=PAC_SECRET)
    hosted.refresh()
    pos = hosted.pos(papers)
    for request in (
        basket(),
        basket(buyerId="10:123456", cashier="Ана", invoiceNumber="7/1.0"),
        basket(invoiceType="Training", options={"omitQRCodeGen": "0"}),
        basket(transactionType="Refund", referentDocumentNumber="AAAAAAAA-BBBBBBBB-1"),
        basket(items=[{"name": "Bag", "quantity": 3, "unitPrice": 1, "labels": ["A", "B"], "totalAmount": 2.99}]),
    ):
        body = json.dumps(request).encode()
        at_the_premises = json.loads(bench.device.sell(Order(body=body)).answer)
        reply = pos.ask("POST", "/api/v3/invoices", body)
        assert reply.status == 200, reply.body
        answer = reply.json
        assert list(answer) == list(at_the_premises), "the vendor's order of keys"
        for same in ("taxItems", "totalAmount", "taxGroupRevision", "tin", "businessName", "invoiceCounter"):
            assert answer[same] == at_the_premises[same], same
        assert normal(answer) == normal(at_the_premises)
    bench.close()


def normal(answer: dict[str, Any]) -> str:
    """The journal without the number and the time of the clock."""
    text: str = answer["journal"]
    return TIME.sub("time", text.replace(answer["invoiceNumber"], "number"))


def test_the_guide_works_with_curl_and_the_p12(hosted: Hosted, tmp_path: Path) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    papers = hosted.papers()
    file = tmp_path / "till.nochain.p12"
    file.write_bytes(papers.bundle)
    base = [curl, "-s", "--cacert", str(hosted.pki.files.root), "--cert-type", "P12"]
    base += ["--cert", f"{file}:{papers.password}", "-H", f"PAC: {papers.pac}"]
    address = f"https://127.0.0.1:{hosted.port}/api/v3"
    status = subprocess.run([*base, f"{address}/status"], capture_output=True, check=True, timeout=30)
    assert json.loads(status.stdout)["uid"] == papers.uid
    body = json.dumps(basket())
    json_type = ["-H", "Content-Type: application/json"]
    command = [*base, *json_type, f"{address}/invoices", "-d", body]
    sold = subprocess.run(command, capture_output=True, timeout=30, check=True)
    assert json.loads(sold.stdout)["requestedBy"] == papers.uid


def test_ts_5010_nothing_is_taken_or_signed_while_the_gate_of_the_witnesses_is_closed(start: Any) -> None:
    """A number that is taken must be signed and booked: so the gate stands before it."""
    closed = [True]

    def check_open() -> None:
        if closed[0]:
            raise Fault("TS-5010", retry_after_seconds=30)

    hosted = start(check_open=check_open)
    pos = hosted.pos()
    refused = pos.sell()
    assert refused.status == 503
    assert hosted.rows("SELECT count(*) FROM ledger.identity WHERE signed_by <> ''") == [(0,)]
    closed[0] = False
    assert pos.sell().status == 200
