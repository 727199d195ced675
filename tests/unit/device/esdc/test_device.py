"""A device with a virtual card: states with and without card and PIN, as the published tests list them (wire: 13.1)."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from esdc_bench import PIN, START, UID, Bench, body, make_card, open_package, setup_commands

from tallystick.device.esdc.device import Device, PinPaused
from tallystick.device.esdc.fiscalise import Order
from tallystick.device.esdc.settings import EsdcSettings
from tallystick.device.esdc.status import MakerCode, status_body
from tallystick.kernel.faults import PosFault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.wire.taxcore_api import Command, CommandType


def codes(device: Device, *, online: bool = True) -> list[str]:
    return [str(code) for code in status(device, online=online)["gsc"]]


def status(device: Device, *, online: bool = True) -> Any:
    return json.loads(status_body(device, online=online))


def refused(device: Device, code: str, **changes: Any) -> None:
    with pytest.raises(PosFault) as refusal:
        device.sell(Order(body=body(**changes)))
    assert [error.code for error in refusal.value.errors] == [code]


def test_without_a_card(bench: Bench) -> None:
    """Tests 27 to 31 of the list: 1300 everywhere, 1500 and 0210 in the status (S2-125)."""
    bench.reader.remove()
    assert codes(bench.device) == ["1300", "1500", "0210"]
    refused(bench.device, "1300")
    with pytest.raises(PosFault, match="1300"):
        bench.device.verify_pin(PIN)
    with pytest.raises(PosFault, match="1300"):
        bench.device.find_invoice("x")


def test_a_card_without_pin(bench: Bench) -> None:
    """Tests 34 to 36: 1500 and 0210, 1500 for invoices (S2-123)."""
    bench.device.obey_all(setup_commands())
    assert codes(bench.device) == ["1500", "0210"]
    refused(bench.device, "1500")
    assert status(bench.device)["isPinRequired"] is True


def test_a_card_with_pin(ready: Bench) -> None:
    """Tests 37 and 38: 0100 and 0210, and nothing that begins with 2 (S2-124)."""
    assert codes(ready.device) == ["0100", "0210"]
    assert codes(ready.device, online=False) == ["0100", "0220"]
    told = status(ready.device)
    assert told["isPinRequired"] is False
    assert told["auditRequired"] is False
    assert told["mssc"] == []
    assert told["lastInvoiceNumber"] == ""
    assert told["uid"] == UID
    assert told["secureElementVersion"] == "3.2.8"
    assert told["currentTaxRates"]["groupId"] == 2
    assert [group["groupId"] for group in told["allTaxRates"]] == [1, 2]
    assert told["supportedLanguages"] == ["en-US", "sr-Cyrl-RS", "sr-Latn-RS"]
    ready.device.sell(Order(body=body()))
    assert status(ready.device)["lastInvoiceNumber"] == f"{UID}-{UID}-1"


def test_without_configuration(bench: Bench) -> None:
    """2400 until rates, verification URL and environment are there (S2-002, S2-122)."""
    bench.device.verify_pin(PIN)
    assert codes(bench.device) == ["0100", "2400", "0210"]
    refused(bench.device, "2400")
    with pytest.raises(PosFault, match="2400"):
        bench.device.find_invoice("x")


def test_s2_020_the_right_pin_unlocks_until_the_card_leaves(ready: Bench) -> None:
    for _ in range(2):
        ready.device.sell(Order(body=body()))
    ready.reader.insert(ready.card)
    refused(ready.device, "1500")
    ready.device.verify_pin(PIN)
    ready.device.sell(Order(body=body()))


def test_s2_021_two_wrong_pins_pause_until_a_person_confirms(ready: Bench) -> None:
    for _ in range(2):
        with pytest.raises(PosFault, match="2100"):
            ready.device.verify_pin("0000")
    with pytest.raises(PinPaused):
        ready.device.verify_pin(PIN)
    assert ready.device.session is not None
    assert ready.device.session.card.pin_tries_left() == 3, "the card was not asked a third time"
    assert MakerCode.PIN_PAUSED in status(ready.device)["mssc"]
    ready.device.confirm_pin_entry()
    ready.device.verify_pin(PIN)
    ready.device.sell(Order(body=body()))


def test_a_right_pin_between_wrong_ones_counts_anew(ready: Bench) -> None:
    for _ in range(3):
        with pytest.raises(PosFault, match="2100"):
            ready.device.verify_pin("0000")
        ready.device.verify_pin(PIN)


def test_a_locked_card_says_so(tmp_path: Path) -> None:
    bench = Bench(tmp_path, settings=EsdcSettings(wrong_pins_in_a_row=10))
    bench.device.obey_all(setup_commands())
    for attempt in range(5):
        with pytest.raises(PosFault, match="2100" if attempt < 4 else "21[01]0"):
            bench.device.verify_pin("0000")
    with pytest.raises(PosFault, match="2110"):
        bench.device.verify_pin(PIN)
    assert codes(bench.device)[0] == "2110"
    refused(bench.device, "2110")
    bench.close()


@pytest.mark.parametrize("pin", ["", "201", "20178", "abcd", "٢٠١٧"])
def test_what_is_not_four_digits_never_reaches_the_card(ready: Bench, pin: str) -> None:
    with pytest.raises(PosFault, match="2806"):
        ready.device.verify_pin(pin)
    assert ready.device.session is not None
    assert ready.device.session.card.pin_tries_left() == 5


@pytest.mark.parametrize("kind", InvoiceType)
@pytest.mark.parametrize("direction", TransactionType)
def test_all_ten_kinds_are_signed_and_packaged(ready: Bench, kind: InvoiceType, direction: TransactionType) -> None:
    """Tests 13 to 22 of the list."""
    sold = ready.device.sell(
        Order(
            body=body(
                invoiceType=int(kind),
                transactionType=direction.name,
                referentDocumentNumber=f"{UID}-{UID}-1",
                referentDocumentDT="2026-05-30T10:00:00+02:00",
            )
        )
    )
    answer = json.loads(sold.answer)
    assert answer["invoiceCounterExtension"] == "NPCTA"[kind] + "SR"[direction]
    data = open_package(stored(ready, 1))
    assert (data.request.invoice_type, data.request.transaction_type) == (kind, direction)
    assert data.flags == ()


def stored(bench: Bench, ordinal: int) -> bytes:
    assert bench.device.session is not None
    package = bench.device.session.store.package(ordinal)
    assert package is not None
    return package


def test_s2_065_075_082_the_package_has_journal_and_utc_but_no_qr_code(ready: Bench) -> None:
    options = {"omitQRCodeGen": "0", "omitTextualRepresentation": "1"}
    answer = json.loads(ready.device.sell(Order(body=body(options=options))).answer)
    assert answer["verificationQRCode"]
    assert answer["journal"] is None
    data = open_package(stored(ready, 1))
    raw = data.raw["result"]
    assert raw["journal"].startswith("============ FISCAL INVOICE")  # type: ignore[index, call-overload, union-attr]
    assert raw["verificationQRCode"] is None  # type: ignore[index, call-overload]
    assert str(raw["sdcDateTime"]).endswith("Z")  # type: ignore[index, call-overload]
    assert data.result.sdc_time == START


def test_the_limit_is_crossed_once_and_then_refused(tmp_path: Path) -> None:
    """Test 3 of the list, offline: the first invoice over the limit is signed, the next refused with 2210 (S2-130)."""
    bench = Bench(tmp_path, limit=Money.of(100))
    bench.ready()
    bench.device.sell(Order(body=body()))
    assert codes(bench.device) == ["0100", "0210"]
    bench.device.sell(Order(body=body()))
    assert codes(bench.device) == ["0100", "2210", "1400", "0210"]
    assert status(bench.device)["auditRequired"] is True
    refused(bench.device, "2210")
    assert bench.device.session is not None
    assert bench.device.session.store.open_intents() == [], "the refused intent is voided"
    bench.close()


def test_an_expired_card_is_not_asked_to_sign(tmp_path: Path) -> None:
    """Checklist 14, S2-025 to S2-027: 2809 and no APDU 13."""
    bench = Bench(tmp_path, at=START - timedelta(days=365, hours=-1), years=1)
    bench.ready()
    bench.device.sell(Order(body=body()))
    bench.clock.forward(hours=1)
    refused(bench.device, "2809")
    assert "2809" in codes(bench.device)
    assert bench.device.session is not None
    last = bench.device.session.card.last_signed_invoice()
    assert last is not None
    assert last.total_counter == 1
    bench.close()


def test_s2_026_the_expiry_is_read_at_each_insertion(ready: Bench) -> None:
    assert ready.device.session is not None
    first = ready.device.session.facts.not_after
    younger = make_card(ready.folder / "YOUNGER1", uid="YOUNGER1", at=START - timedelta(minutes=1))
    ready.reader.insert(younger)
    ready.device.refresh()
    assert ready.device.session.facts.not_after > first
    ready.reader.insert(ready.card)
    ready.device.refresh()
    assert ready.device.session.facts.not_after == first
    younger.power_off()


def test_equal_baskets_without_id_are_two_sales(ready: Bench) -> None:
    first, second = (ready.device.sell(Order(body=body())) for _ in range(2))
    assert first.signed is not None
    assert second.signed is not None
    assert (first.signed.total_counter, second.signed.total_counter) == (1, 2)


def test_the_same_id_with_other_bytes_is_a_new_invoice(ready: Bench, caplog: pytest.LogCaptureFixture) -> None:
    first = ready.device.sell(Order(body=body(), request_id="r"))
    second = ready.device.sell(Order(body=body(cashier="Eva"), request_id="r"))
    assert json.loads(second.answer)["totalCounter"] == 2
    assert "request id 'r' was used before" in caplog.text
    assert ready.device.sell(Order(body=body(), request_id="r")).answer == first.answer
    assert ready.device.find_invoice("r") == second.answer


def test_the_answer_of_a_request_survives_a_restart(ready: Bench) -> None:
    sold = ready.device.sell(Order(body=body(), request_id="r"))
    ready.device.close()
    device = ready.switch_on()
    assert device.find_invoice("r") == sold.answer
    assert device.find_invoice("unknown") is None


def test_two_programs_never_share_a_store(ready: Bench) -> None:
    second = Device(ready.reader, ready.folder, ready.settings, ready.clock)
    with pytest.raises(PosFault, match="1999"):
        second.sell(Order(body=body()))
    assert MakerCode.STORE_TAKEN in status(second)["mssc"]


def test_s2_070_no_common_language_stops_the_initialization(bench: Bench) -> None:
    foreign = Device(bench.reader, bench.folder, bench.settings, bench.clock, languages=["xx-XX"])
    bench.device.close()
    foreign.obey_all(setup_commands())
    assert foreign.session is not None
    results = dict(foreign.session.store.setup.unreported())
    assert results[f"{UID}-0007"] is False
    assert results[f"{UID}-0000"] is True
    foreign.verify_pin(PIN)
    refused(foreign, "2400")
    assert MakerCode.SETUP_PROBLEM in status(foreign)["mssc"]
    foreign.close()


def test_the_configuration_of_each_card_is_its_own(ready: Bench) -> None:
    """S2-006: a new card begins without, an old one finds its own again (checklist 15)."""
    other = make_card(ready.folder / "OTHER001", uid="OTHER001")
    ready.reader.insert(other)
    ready.device.verify_pin(PIN)
    refused(ready.device, "2400")
    ready.device.obey_all(setup_commands("OTHER001"))
    ready.device.sell(Order(body=body()))
    ready.reader.insert(ready.card)
    ready.device.verify_pin(PIN)
    ready.device.sell(Order(body=body()))
    other.power_off()


def test_future_rates_wait_for_their_time(ready: Bench) -> None:
    """Checklist 13, S2-054: a future group changes nothing until its validFrom."""
    rates = json.loads(setup_commands()[0].payload)
    rates.append({**rates[1], "groupId": 3, "validFrom": (START + timedelta(hours=1)).isoformat()})
    ready.device.obey_all([Command("F", CommandType.SET_TAX_RATES, json.dumps(rates), UID)])
    assert json.loads(ready.device.sell(Order(body=body())).answer)["taxGroupRevision"] == 2
    ready.clock.forward(hours=1)
    assert json.loads(ready.device.sell(Order(body=body())).answer)["taxGroupRevision"] == 3


@pytest.mark.parametrize(
    ("reference", "code"),
    [
        ({"referentDocumentDT": "2020-05-01T10:00:00Z"}, None),
        ({"referentDocumentDT": "2026-05-01T10:00:00Z"}, "2310"),
        ({}, "2310"),
    ],
)
def test_s2_044_a_label_that_was_valid_then_and_is_not_now(
    ready: Bench, reference: dict[str, str], code: str | None
) -> None:
    """The group decides that the reference's time chooses; with a number alone it is the clock's (wire: 2.3.3)."""
    rates = json.loads(setup_commands()[0].payload)
    rates[0]["taxCategories"][0]["taxRates"].append({"rate": 3, "label": "Q"})
    ready.device.obey_all([Command("F", CommandType.SET_TAX_RATES, json.dumps(rates), UID)])
    item = {"name": "Lamp oil", "quantity": 1, "unitPrice": 103, "labels": ["Q"], "totalAmount": 103}
    changes = {"transactionType": 1, "items": [item], "referentDocumentNumber": f"{UID}-{UID}-1", **reference}
    if code is not None:
        refused(ready.device, code, **changes)
        return
    answer = json.loads(ready.device.sell(Order(body=body(**changes))).answer)
    assert (answer["taxGroupRevision"], answer["taxItems"][0]["label"]) == (1, "Q")
    assert answer["taxItems"][0]["amount"] == 3


def test_the_log_never_shows_a_pin(ready: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    with pytest.raises(PosFault):
        ready.device.verify_pin("8391")
    ready.device.verify_pin(PIN)
    assert caplog.records
    assert "8391" not in caplog.text
    assert "08 03 09 01" not in caplog.text
    assert "08030901" not in caplog.text
    assert PIN not in caplog.text
