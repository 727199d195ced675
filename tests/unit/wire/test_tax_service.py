"""What goes to the tax service is read as it was written, and only an answer as agreed counts as one (S1-034)."""

from __future__ import annotations

import json

import pytest
from described import Described
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.wire.openapi_tax_service import tax_service_api
from tallystick.wire.record import Record
from tallystick.wire.tax_service import (
    REASON_CHARACTERS,
    TaxAnswer,
    document_of,
    read_answer,
    read_document,
    write_answer,
    write_document,
)

ACT = "ab" * 32
BODY = b'{"a":1}'
RECORD = Record(
    act_hash=ACT,
    body_hash=sha256(BODY).hex(),
    channel="1",
    currency="XTS",
    device="ABCD1234-WXYZ9876",
    device_seq="7",
    flags=("TS-2002",),
    issued_at="1772442930123",
    media_type="application/json",
    premises="3",
    received_at="1772442930456",
    refers_to="ABCD1234-ABCD1234-1",
    se_total="5",
    tax_totals={"A": "-20800", "Ђ": "1"},
    taxpayer="123456789",
    taxpayer_seq="12",
    total="-125000",
    type="257",
    version="1",
)


def describe(told: object, name: str) -> None:
    """Raises when it is not as it is described."""
    Described(tax_service_api()).validate({"$ref": f"#/components/schemas/{name}"}, told)


def test_a_document_is_read_as_it_was_written_and_as_it_is_described() -> None:
    document = document_of(RECORD, entry=41, kind="refund", body=BODY)
    assert read_document(write_document(document)) == (document, BODY)
    told = json.loads(write_document(document))
    describe(told, "Document")
    assert (told["total"], told["taxes"]) == ("-12.5000", {"A": "-2.0800", "Ђ": "0.0001"})
    assert (told["fiscalNumber"], told["issuedAt"]) == ("ABCD1234-WXYZ9876-5", "2026-03-02T09:15:30.1230000Z")
    assert write_document(document_of(RECORD, entry=41, kind="refund", body=BODY)) == write_document(document)


def test_an_erased_body_is_said_to_be_erased() -> None:
    document = document_of(RECORD, entry=41, kind="refund", body=b"")
    assert (document.erased, document.body, document.body_hash) == (True, "", sha256(BODY).hex())


def test_the_example_of_the_description_is_one() -> None:
    post = tax_service_api()["paths"]["/"]["post"]
    (content,) = post["requestBody"]["content"].values()
    describe(content["example"], "Document")
    document, body = read_document(json.dumps(content["example"]).encode())
    assert document.body_hash == sha256(body).hex()


def test_a_record_that_is_none_of_a_document_is_refused() -> None:
    with pytest.raises(Fault, match="TS-1220"):
        document_of(Record(version="1", kind="3"), entry=1, kind="other", body=BODY)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_nothing_that_is_no_document_is_read_as_one(data: bytes) -> None:
    with pytest.raises(Fault, match="TS-1220"):
        read_document(data)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, TaxAnswer("accepted", receipt="TA-1")),
        (200, TaxAnswer("duplicate", receipt="TA-1")),
        (200, TaxAnswer("rejected", code="T-1", reason="no")),
        (422, TaxAnswer("rejected", code="T-1", reason="no")),
        (503, TaxAnswer("later", wait_seconds=60)),
        (429, TaxAnswer("later")),
    ],
)
def test_an_answer_is_read_as_it_was_written_and_as_it_is_described(status: int, answer: TaxAnswer) -> None:
    body = write_answer(ACT, answer)
    assert read_answer(status, "application/json; charset=utf-8", body, ACT) == answer
    describe(json.loads(body), "Answer")


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (200, "application/json", b""),
        (200, "application/json", b"[]"),
        (200, "application/json", b'{"act":"%b","status":"fine"}' % ACT.encode()),
        (200, "application/json", b'{"act":"%b"}' % ACT.encode()),
        (200, "application/json", b'{"act":"%b","status":"accepted"}' % (b"cd" * 32)),
        (200, "application/json", b'{"act":"%b","status":"accepted","receipt":7}' % ACT.encode()),
        (200, "application/json", b'{"act":"%b","status":"rejected"}' % ACT.encode()),
        (200, "text/html", write_answer(ACT, TaxAnswer("accepted"))),
        (200, "", write_answer(ACT, TaxAnswer("accepted"))),
        (201, "application/json", write_answer(ACT, TaxAnswer("accepted"))),
        (500, "application/json", write_answer(ACT, TaxAnswer("accepted"))),
        (422, "application/json", write_answer(ACT, TaxAnswer("accepted"))),
        (404, "application/json", write_answer(ACT, TaxAnswer("rejected", code="1", reason="1"))),
        (401, "application/json", write_answer(ACT, TaxAnswer("rejected", code="1", reason="1"))),
        (200, "application/json", b"[" * 100_000),
    ],
)
def test_ts_3211_what_is_not_an_answer_as_agreed_counts_as_none(status: int, kind: str, body: bytes) -> None:
    with pytest.raises(Fault, match="TS-3211"):
        read_answer(status, kind, body, ACT)


def test_words_of_others_are_cut_and_can_be_kept() -> None:
    said = TaxAnswer("rejected", code="T\x00-1", reason="a\x00b\n" * 500, wait_seconds=-5)
    told = read_answer(200, "application/json", write_answer(ACT, said), ACT)
    assert (told.code, told.reason[:4], len(told.reason)) == ("T -1", "a b ", REASON_CHARACTERS)
    assert told.wait_seconds == 0
    long = write_answer(ACT, TaxAnswer("later", wait_seconds=10**9))
    assert read_answer(503, "application/json", long, ACT).wait_seconds == 3_600
