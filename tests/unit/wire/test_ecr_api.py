"""Answers of the national online channel: canonical, read back, and every type of document has its word."""

from __future__ import annotations

import msgspec
import pytest

from tallystick.kernel.faults import Fault
from tallystick.kernel.national_document import DocumentKind, DocumentType
from tallystick.wire import ecr_api
from tallystick.wire.ecr_api import (
    Delivery,
    QueueItem,
    QueuePage,
    Registered,
    kind_of_type,
    labels_of,
    read_answer,
    write_answer,
)

ANSWERS = [
    kind
    for kind in vars(ecr_api).values()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and not kind.__name__.startswith("_")
]
REGISTERED = Registered(
    act_hash="A" * 43, device_link="B" * 43, index="7", kind="receipt", number="AAAAAAAA-AAAAAAAA-1",
    received_at="2026-11-27T10:00:00.000Z",
)  # fmt: skip


def test_members_stand_in_the_order_of_rfc_8785() -> None:
    assert len(ANSWERS) >= 10
    for kind in ANSWERS:
        names = [field.encode_name for field in msgspec.structs.fields(kind)]
        assert names == sorted(names, key=lambda name: name.encode("utf-16-be")), kind


def test_what_has_nothing_to_say_is_left_out_and_the_rest_comes_back() -> None:
    assert write_answer(REGISTERED) == (
        b'{"act_hash":"%b","device_link":"%b","index":"7","kind":"receipt","number":"AAAAAAAA-AAAAAAAA-1",'
        b'"received_at":"2026-11-27T10:00:00.000Z"}' % (b"A" * 43, b"B" * 43)
    )
    full = msgspec.structs.replace(REGISTERED, flags=("TS-2002",), qr="R0lG", verification_url="http://x/r/y")
    page = QueuePage(after="7", items=(QueueItem(index="1", number="x", sequence="7", state="sent"),))
    gone = Delivery(asked_at="x", by="sms", id="1", number="x", state="erased")
    for answer in (REGISTERED, full, page, gone):
        assert read_answer(type(answer), write_answer(answer)) == answer


def test_a_device_passes_over_what_it_does_not_know_and_refuses_what_is_none() -> None:
    more = write_answer(REGISTERED)[:-1] + b',"new":"1"}'
    assert read_answer(Registered, more) == REGISTERED
    for wrong in (b"", b"{}", b"[]", b"\xff", b"[" * 5_000, write_answer(REGISTERED).replace(b'"7"', b"7")):
        with pytest.raises(Fault, match="TS-1220"):
            read_answer(Registered, wrong)


def test_every_type_has_its_word_and_no_other_number_has_one() -> None:
    words = {kind_of_type(int(one)) for one in DocumentType}
    assert words == set(DocumentKind)
    assert kind_of_type(DocumentType.RECEIPT_REFUND) == "receipt"
    for number in (0, 0x100, 0x202, 0x300):
        with pytest.raises(ValueError, match="is not a valid"):
            kind_of_type(number)


def test_labels_are_sorted_by_code_units() -> None:
    assert list(labels_of([("Ж", "19"), ("B", "0"), ("A", "9")])) == ["A", "B", "Ж"]
