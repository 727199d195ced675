"""When a store is almost full, and full (S2-128, S2-129)."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from esdc_bench import Bench, body, request

from tallystick.device.esdc.device import StorageFull
from tallystick.device.esdc.fiscalise import Order
from tallystick.device.esdc.settings import Storage
from tallystick.device.esdc.storage import Fullness, free_bytes_of_disk, fullness, invoices_left
from tallystick.device.esdc.store import TYPICAL_SALE_BYTES

BOUND = Storage(store_bytes_max=1000, disk_reserve_bytes=100)
PLENTY = 10**9


@pytest.mark.parametrize(
    ("used", "free", "judged"),
    [
        (0, PLENTY, Fullness.ROOM),
        (899, PLENTY, Fullness.ROOM),
        (900, PLENTY, Fullness.ALMOST_FULL),
        (949, PLENTY, Fullness.ALMOST_FULL),
        (950, PLENTY, Fullness.FULL),
        (450, 150, Fullness.ALMOST_FULL),
        (450, 120, Fullness.FULL),
        (0, 100, Fullness.FULL),
        (10, 0, Fullness.FULL),
    ],
)
def test_the_smaller_of_bound_and_disk_decides(used: int, free: int, judged: Fullness) -> None:
    assert fullness(used, free, BOUND) is judged


def test_the_disk_is_asked(tmp_path: Path) -> None:
    assert free_bytes_of_disk(tmp_path) > 0


@pytest.mark.parametrize(
    ("used", "free", "sale", "left"),
    [
        (0, PLENTY, 10, 95),
        (900, PLENTY, 10, 5),
        (949, PLENTY, 10, 0),
        (950, PLENTY, 10, 0),
        (450, 120, 10, 0),
        (0, 200, 10, 9),
    ],
)
def test_s2_128_129_what_is_left_is_told_in_invoices(used: int, free: int, sale: int, left: int) -> None:
    """Counted up to the mark at which signing stops, on the smaller of bound and disk."""
    assert invoices_left(used, free, sale, BOUND) == left


def test_the_size_of_a_sale_is_that_of_those_that_are_stored(ready: Bench) -> None:
    session = ready.device.session
    assert session is not None
    assert session.store.typical_sale_bytes() == TYPICAL_SALE_BYTES
    before = ready.device.invoices_left(session)
    for number in range(20):
        ready.device.sell(Order(body=body(), request_id=str(number)))
    used = session.store.used_bytes()
    packages = session.store.waiting(20)
    typical = session.store.typical_sale_bytes()
    assert sum(len(package) for _, package in packages) / 20 < typical < 4 * used / 20
    big = body(items=[dict(request()["items"][0], name="x" * 1500) for _ in range(20)])
    for _ in range(100):
        ready.device.sell(Order(body=big))
    assert session.store.typical_sale_bytes() > 3 * typical, "larger baskets, fewer invoices"
    assert ready.device.invoices_left(session) < before


def test_the_forecast_holds(ready: Bench) -> None:
    """So many sales as it says are signed, give or take a tenth, and then the store is full."""
    session = ready.device.session
    assert session is not None
    for number in range(30):
        ready.device.sell(Order(body=body(), request_id=f"a{number}"))
    bound = session.store.used_bytes() + 1_500_000
    ready.device.settings = attrs.evolve(ready.settings, storage=Storage(store_bytes_max=bound * 100 // 95))
    left, sold = ready.device.invoices_left(session), 0
    while ready.device.fullness(session) is not Fullness.FULL:
        ready.device.sell(Order(body=body(), request_id=f"b{sold}"))
        sold += 1
    with pytest.raises(StorageFull):
        ready.device.sell(Order(body=body()))
    assert 0.85 * left <= sold <= 1.3 * left, (left, sold)
