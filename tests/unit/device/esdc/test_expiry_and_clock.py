"""What the card's expiry and the device's own clock are to a device: held in memory, and never taken from a POS."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import pytest
from cryptography import x509
from esdc_bench import START, UID, Bench, body, configuration

from tallystick.device.esdc.fiscalise import Order
from tallystick.device.esdc.status import MakerCode, status_body
from tallystick.kernel.faults import PosFault
from tallystick.kernel.instants import unix_ms
from tallystick.wire.configuration import environment_parameters
from tallystick.wire.pos_invoice import encode_json
from tallystick.wire.taxcore_api import Command, CommandType
from tallystick.wire.verification_url import from_url


def stored_values(folder: Path) -> Iterator[object]:
    """Every value of every table of the device's store."""
    (file,) = folder.rglob("esdc.db")
    with sqlite3.connect(file) as store:
        for (table,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for row in store.execute(f'SELECT * FROM "{table}"'):
                yield from row


def tells(value: object, moment: datetime) -> bool:
    """Whether a stored value is that moment, or holds it in a form in which a certificate or a text has it."""
    if isinstance(value, int):
        return value in (unix_ms(moment), unix_ms(moment) // 1000)
    text = value if isinstance(value, bytes) else str(value).encode()
    return any(f"{moment:{form}}".encode() in text for form in ("%y%m%d%H%M%SZ", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"))


def test_s2_008_the_expiry_is_held_in_memory_until_the_card_leaves(ready: Bench) -> None:
    assert ready.device.session is not None
    expiry = ready.device.session.facts.not_after
    certificate = ready.device.session.card.certificate()
    assert x509.load_der_x509_certificate(certificate).not_valid_after_utc == expiry
    assert tells(certificate, expiry), "this is how it would be found"
    sold = ready.device.sell(Order(body=body(), request_id="r"))
    ready.reader.remove()
    assert ready.device.refresh() is None
    ready.device.close()
    values = list(stored_values(ready.folder))
    assert sold.answer in values
    assert not [value for value in values if tells(value, expiry)]


@pytest.mark.parametrize(("stated", "years"), [({"years": 3}, 3), ({"years": 4}, 4), ({"years": 5}, 5), ({}, 4)])
def test_s2_024_a_card_is_valid_for_as_many_years_as_its_issuer_says(
    tmp_path: Path, stated: dict[str, Any], years: int
) -> None:
    """Four where nothing is said; the last second that a certificate names is part of its time (RFC 5280 §4.1.2.5)."""
    bench = Bench(tmp_path, **stated)
    assert bench.device.session is not None
    facts = bench.device.session.facts
    assert facts.not_after + timedelta(seconds=1) - facts.not_before == timedelta(days=365 * years)
    bench.close()


def test_s2_017_the_time_of_an_invoice_is_the_devices_own(ready: Bench) -> None:
    """What the POS says about its issue stays a remark; a clock that went back stops the device and is told."""
    ready.clock.forward(minutes=5)
    sold = ready.device.sell(Order(body=body(dateAndTimeOfIssue="2020-02-01T10:00:00Z")))
    assert sold.signed is not None
    assert sold.signed.time_ms == unix_ms(START + timedelta(minutes=5))
    told = json.loads(status_body(ready.device, online=True))
    assert datetime.fromisoformat(told["sdcDateTime"][:26] + told["sdcDateTime"][27:]) == ready.clock()
    assert MakerCode.CLOCK_WRONG not in told["mssc"]
    ready.clock.forward(minutes=-4)
    with pytest.raises(PosFault, match="1999"):
        ready.device.sell(Order(body=body()))
    assert MakerCode.CLOCK_WRONG in json.loads(status_body(ready.device, online=True))["mssc"]
    assert UID in told["lastInvoiceNumber"]


def test_checklist_16_the_hour_that_comes_twice_in_autumn(ready: Bench) -> None:
    """Both halves read alike on the journal; offset, signed instant and number tell them apart."""
    belgrade = attrs.evolve(configuration(), server_time_zone="Central Europe Standard Time")
    document = encode_json(environment_parameters(belgrade)).decode()
    ready.device.obey_all([Command("DST-1", CommandType.SET_TAX_CORE_CONFIGURATION, document, UID)])
    sold = []
    for moment in ("2026-10-25T00:30:00.5+00:00", "2026-10-25T01:30:00+00:00"):
        ready.clock.now = datetime.fromisoformat(moment)
        plain = body(dateAndTimeOfIssue="2026-10-25T02:30:00", options={"omitQRCodeGen": "1"})
        sold.append(json.loads(ready.device.sell(Order(body=plain)).answer))
    assert [one["sdcDateTime"] for one in sold] == [
        "2026-10-25T02:30:00.5000000+02:00",
        "2026-10-25T02:30:00.0000000+01:00",
    ]
    assert [from_url(one["verificationUrl"]).time_ms for one in sold] == [1_792_888_200_500, 1_792_891_800_000]
    assert [one["totalCounter"] for one in sold] == [1, 2]
    assert all("25/10/2026 02:30:00" in one["journal"] for one in sold)
