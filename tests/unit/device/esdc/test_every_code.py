"""Every code of the sheet (wire: chapter 3): how it is reached, or that it is reserved; and their order (2.9)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from esdc_bench import PIN, START, Bench, body, setup_commands

from tallystick.device.esdc.device import PinPaused
from tallystick.device.esdc.fiscalise import Order
from tallystick.device.esdc.settings import EsdcSettings, Storage
from tallystick.device.esdc.status import status_body
from tallystick.device.secure_element import CardUnavailable
from tallystick.kernel.faults import PosFault, PropertyError
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.status_codes import MEANINGS, PRIORITY, RESERVED, StatusCode
from tallystick.wire.pos_invoice import error_answer


def told(bench: Bench, *, online: bool = True) -> list[str]:
    return [str(code) for code in json.loads(status_body(bench.device, online=online))["gsc"]]


def sold(bench: Bench, **changes: Any) -> list[str]:
    """The codes of a refused sale, in order."""
    with pytest.raises(PosFault) as caught:
        bench.device.sell(Order(body=body(**changes)))
    return [str(error.code) for error in caught.value.errors]


def tried(bench: Bench, pin: str) -> list[str]:
    with pytest.raises(PosFault) as caught:
        bench.device.verify_pin(pin)
    return [str(error.code) for error in caught.value.errors]


def item(**changes: Any) -> dict[str, Any]:
    return {"items": [json.loads(body())["items"][0] | changes]}


def removed(bench: Bench) -> Bench:
    bench.reader.remove()
    return bench


def mute(bench: Bench) -> Bench:
    class Mute:
        def transmit(self, apdu: bytes) -> bytes:
            raise CardUnavailable("mute")

    bench.reader.insert(Mute())
    return bench


def used_up(bench: Bench) -> Bench:
    bench.device.sell(Order(body=body(**item(totalAmount=750000))))
    return bench


def locked(bench: Bench) -> Bench:
    for _ in range(5):
        bench.device.confirm_pin_entry()
        tried(bench, "0000")
    bench.device.confirm_pin_entry()
    return bench


def almost_full(bench: Bench) -> Bench:
    bench.device.sell(Order(body=body()))
    assert bench.device.session is not None
    most = bench.device.session.store.used_bytes() * 100 // 92
    bench.device.settings = attrs.evolve(bench.settings, storage=Storage(store_bytes_max=most))
    return bench


def later(bench: Bench, **by: float) -> Bench:
    bench.clock.forward(**by)
    return bench


def set_back(bench: Bench) -> Bench:
    bench.device.sell(Order(body=body()))
    return later(bench, hours=-1)


def unconfigured(bench: Bench) -> Bench:
    bench.device.verify_pin(PIN)
    return bench


# Each: is the device configured and unlocked before, and what is done; the code must be among those that come.
WAYS: dict[StatusCode, tuple[bool, Callable[[Bench], list[str]]]] = {
    StatusCode.PIN_OK: (True, told),
    StatusCode.INTERNET_AVAILABLE: (True, told),
    StatusCode.INTERNET_UNAVAILABLE: (True, lambda bench: told(bench, online=False)),
    StatusCode.STORAGE_ALMOST_FULL: (True, lambda bench: told(almost_full(bench))),
    StatusCode.CARD_NOT_PRESENT: (True, lambda bench: sold(removed(bench))),
    StatusCode.AUDIT_REQUIRED: (True, lambda bench: told(used_up(bench))),
    StatusCode.PIN_REQUIRED: (False, sold),
    StatusCode.UNDEFINED_WARNING: (True, lambda bench: sold(set_back(bench))),
    StatusCode.PIN_NOT_OK: (True, lambda bench: tried(bench, "0000")),
    StatusCode.CARD_LOCKED: (True, lambda bench: sold(locked(bench))),
    StatusCode.SECURE_ELEMENT_LOCKED: (True, lambda bench: sold(used_up(used_up(bench)))),
    StatusCode.SECURE_ELEMENT_UNREACHABLE: (True, lambda bench: sold(mute(bench))),
    StatusCode.INVALID_TAX_LABELS: (True, lambda bench: sold(bench, **item(labels=["?"]))),
    StatusCode.NOT_CONFIGURED: (False, lambda bench: sold(unconfigured(bench))),
    StatusCode.FIELD_REQUIRED: (True, lambda bench: sold(bench, invoiceType=None)),
    StatusCode.VALUE_TOO_LONG: (True, lambda bench: sold(bench, cashier="x" * 51)),
    StatusCode.INVALID_LENGTH: (True, lambda bench: sold(bench, buyerId="")),
    StatusCode.OUT_OF_RANGE: (True, lambda bench: sold(bench, **item(quantity=0))),
    StatusCode.INVALID_VALUE: (True, lambda bench: sold(bench, invoiceType="Return")),
    StatusCode.INVALID_FORMAT: (True, lambda bench: tried(bench, "12345")),
    StatusCode.LIST_TOO_SHORT: (True, lambda bench: sold(bench, items=[])),
    StatusCode.LIST_TOO_LONG: (True, lambda bench: sold(bench, **item(labels=list("ABCDEFGHIJKLM")))),
    StatusCode.SECURE_ELEMENT_EXPIRED: (True, lambda bench: sold(later(bench, days=5 * 366))),
}


def test_every_code_is_reached_or_reserved_and_has_a_meaning() -> None:
    assert set(WAYS) | RESERVED == set(StatusCode)
    assert not set(WAYS) & RESERVED
    assert set(MEANINGS) == set(StatusCode)


@pytest.mark.parametrize("code", WAYS, ids=lambda code: f"{code} {code.name.lower()}")
def test_a_code_of_the_sheet_is_reached(code: StatusCode, tmp_path: Path) -> None:
    ready, way = WAYS[code]
    bench = Bench(tmp_path)
    if ready:
        bench.ready()
    assert code in way(bench)
    bench.close()


def test_the_order_of_the_wire() -> None:
    assert PRIORITY == ("1300", "2220", "2230", "2110", "1500", "2100", "2400", "2809", "2210")


@pytest.mark.parametrize("shift", range(len(PRIORITY)))
def test_errors_of_one_answer_stand_in_that_order_and_those_of_the_request_behind(shift: int) -> None:
    rotated = (*PRIORITY[shift:], *PRIORITY[:shift])
    request = (PropertyError("payment", "2800"), PropertyError("items[0].labels[0]", "2310"))
    states = [PropertyError("", code) for code in rotated]
    fault = PosFault((request[0], *states[:4], request[1], *states[4:]))
    state = json.loads(error_answer(fault))["modelState"]
    assert state[0] == {"property": "", "errors": list(PRIORITY)}
    assert [entry["property"] for entry in state] == ["", "payment", "items[0].labels[0]"]


def test_a_cashier_clears_one_after_another(tmp_path: Path) -> None:
    """Every state that stops a sale, set at once, then cleared from the top: the next one shows each time."""
    bench = Bench(tmp_path, settings=EsdcSettings(wrong_pins_in_a_row=2))
    bad: dict[str, Any] = {"invoiceType": None}
    bench.reader.remove()
    assert sold(bench, **bad) == ["1300"]
    mute(bench)
    assert sold(bench, **bad) == ["2220"]
    bench.reader.insert(bench.card)
    assert sold(bench, **bad) == ["1500"]
    assert tried(bench, "0000") == ["2100"]
    assert sold(bench, **bad) == ["1500"]
    bench.device.verify_pin(PIN)
    assert sold(bench, **bad) == ["2400"]
    bench.device.obey_all(setup_commands())
    assert sold(bench, **bad) == ["2800"]
    assert bench.device.sell(Order(body=body())).sale is not None
    bench.close()


def test_an_expired_and_locked_card_with_a_bad_request(tmp_path: Path) -> None:
    """2809 and 2210 are found by the steps behind the reading of the request, as the life of an invoice has it."""
    bench = Bench(tmp_path, limit=Money.of(100), at=START - timedelta(days=364), years=1)
    bench.ready()
    for _ in range(2):
        bench.device.sell(Order(body=body()))
    bench.clock.forward(days=2)
    assert sold(bench, invoiceType=None) == ["2800"]
    assert sold(bench) == ["2809"]
    bench.close()


def test_a_pause_after_wrong_pins_is_1999_to_the_pos_and_9003_in_the_status(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    for _ in range(2):
        tried(bench, "0000")
    with pytest.raises(PinPaused):
        bench.device.verify_pin(PIN)
    assert "9003" in json.loads(status_body(bench.device, online=True))["mssc"]
    bench.close()
