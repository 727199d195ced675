"""What goes wrong under a sale: a card that leaves or stays mute, a store that fills up, a disk that is full."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from esdc_bench import PIN, Bench, body, make_card, setup_commands

from tallystick.device.esdc.database import StoreBroken
from tallystick.device.esdc.device import Device, StorageFull
from tallystick.device.esdc.fiscalise import Order
from tallystick.device.esdc.settings import Storage
from tallystick.device.esdc.status import MakerCode, status_body
from tallystick.device.secure_element import CardUnavailable
from tallystick.kernel.faults import PosFault


def status(device: Device) -> Any:
    return json.loads(status_body(device, online=True))


def codes(device: Device) -> list[str]:
    return [str(code) for code in status(device)["gsc"]]


def refused(device: Device, code: str) -> None:
    with pytest.raises(PosFault) as refusal:
        device.sell(Order(body=body()))
    assert [error.code for error in refusal.value.errors] == [code]


def test_a_card_removed_while_it_signs(ready: Bench) -> None:
    """Checklist 5: no answer without a package, no number twice; the same request gets its invoice afterwards."""

    class Loosening:
        def transmit(self, apdu: bytes) -> bytes:
            answer = ready.card.transmit(apdu)
            if apdu[:2] == b"\x88\x13":
                ready.reader.remove()
            return answer

    ready.reader.insert(Loosening())
    ready.device.verify_pin(PIN)
    with pytest.raises(PosFault, match="1300"):
        ready.device.sell(Order(body=body(), request_id="r1"))
    ready.reader.insert(ready.card)
    ready.device.verify_pin(PIN)
    answer = json.loads(ready.device.find_invoice("r1") or b"null")
    assert answer["totalCounter"] == 1
    assert ready.device.sell(Order(body=body(), request_id="r1")).signed is None
    sold = ready.device.sell(Order(body=body(), request_id="r2"))
    assert sold.signed is not None
    assert sold.signed.total_counter == 2


def test_a_wrapped_sale_that_was_interrupted_is_finished_like_any_other(ready: Bench) -> None:
    """What the dialect brought in is read again after a power cut, also where the setting is off by then."""
    ready.device.settings = attrs.evolve(ready.settings, older_dialect=True)

    class Loosening:
        def transmit(self, apdu: bytes) -> bytes:
            answer = ready.card.transmit(apdu)
            if apdu[:2] == b"\x88\x13":
                ready.reader.remove()
            return answer

    ready.reader.insert(Loosening())
    ready.device.verify_pin(PIN)
    wrapped = b'{"invoiceRequest":' + body() + b"}"
    with pytest.raises(PosFault, match="1300"):
        ready.device.sell(Order(body=wrapped, request_id="r1"))
    ready.device.settings = ready.settings
    ready.reader.insert(ready.card)
    assert json.loads(ready.device.find_invoice("r1") or b"null")["totalCounter"] == 1


def test_the_same_request_id_at_two_cards_is_two_invoices(ready: Bench) -> None:
    """Answers are found by request id and card (wire: 2.6)."""
    first = ready.device.sell(Order(body=body(), request_id="r1"))
    other = make_card(ready.folder / "OTHER001", uid="OTHER001")
    ready.reader.insert(other)
    ready.device.obey_all(setup_commands("OTHER001"))
    ready.device.verify_pin(PIN)
    assert ready.device.find_invoice("r1") is None
    second = ready.device.sell(Order(body=body(), request_id="r1"))
    assert json.loads(second.answer)["invoiceNumber"] == "OTHER001-OTHER001-1"
    ready.reader.insert(ready.card)
    assert ready.device.find_invoice("r1") == first.answer
    other.power_off()


def test_a_card_removed_before_it_signs(ready: Bench) -> None:
    class Lost:
        def transmit(self, apdu: bytes) -> bytes:
            if apdu[:2] == b"\x88\x13":
                raise CardUnavailable("no contact")
            return ready.card.transmit(apdu)

    ready.reader.insert(Lost())
    ready.device.verify_pin(PIN)
    with pytest.raises(PosFault, match="2220"):
        ready.device.sell(Order(body=body(), request_id="r1"))
    refused(ready.device, "1500")
    ready.device.verify_pin(PIN)
    ready.reader.insert(ready.card)
    ready.device.verify_pin(PIN)
    sold = ready.device.sell(Order(body=body(), request_id="r1"))
    assert sold.signed is not None
    assert sold.signed.total_counter == 1


def test_a_card_that_cannot_be_read(bench: Bench) -> None:
    class Mute:
        def transmit(self, apdu: bytes) -> bytes:
            raise CardUnavailable("mute")

    bench.reader.insert(Mute())
    assert codes(bench.device) == ["2220", "1500", "0210"]
    refused(bench.device, "2220")
    bench.reader.insert(bench.card)
    assert codes(bench.device)[0] == "1500"


def test_a_full_store_refuses_before_the_intent(ready: Bench) -> None:
    """Watermarks (S2-128, S2-129): 90 % warns with 1100, 95 % stops signing before anything is written (503)."""
    ready.device.sell(Order(body=body()))
    assert ready.device.session is not None
    used = ready.device.session.store.used_bytes()
    almost = attrs.evolve(ready.settings, storage=Storage(store_bytes_max=used * 100 // 92))
    full = attrs.evolve(ready.settings, storage=Storage(store_bytes_max=used * 100 // 96))
    ready.device.settings = almost
    assert "1100" in codes(ready.device)
    ready.device.sell(Order(body=body()))
    ready.device.settings = full
    with pytest.raises(StorageFull):
        ready.device.sell(Order(body=body(), request_id="r3"))
    assert MakerCode.STORAGE_FULL in status(ready.device)["mssc"]
    last = ready.device.session.card.last_signed_invoice()
    assert last is not None
    assert last.total_counter == 2
    ready.device.settings = ready.settings
    ready.device.sell(Order(body=body(), request_id="r3"))


def sell_many(device: Device, times: int) -> None:
    for _ in range(times):
        device.sell(Order(body=body()))


def test_a_disk_that_fills_up_under_a_sale_acknowledges_nothing(ready: Bench) -> None:
    assert ready.device.session is not None
    connection = ready.device.session.store._database._connection
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreBroken):
        sell_many(ready.device, 100)
    ready.device.abandon()
    device = ready.switch_on()
    device.verify_pin(PIN)
    assert device.session is not None
    last = device.session.card.last_signed_invoice()
    packages = [ordinal for ordinal, _ in device.session.store.waiting(100)]
    assert packages == list(range(1, (last.total_counter if last else 0) + 1))
