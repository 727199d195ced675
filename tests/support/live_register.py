"""A register in a country that runs: certified by its PKI, registered in its log, booking through its sequencer."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
import psycopg
from intake_live import ORIGIN
from pki_bench import PkiBench, csr, named
from public_live import LiveCountry, now

from benchmarks.national_documents import Made, Register
from tallystick.authority.ledger.entry import NewEntry
from tallystick.authority.reference.pki import enrolment
from tallystick.kernel.hashing import sha256
from tallystick.ops.pki_registry import enter_hierarchy, pki_services

TIN = "300000003"


def live_register(country: LiveCountry, uid: str, device_class: int) -> Register:
    """A device with its first certificate, its registration booked and an open shift."""
    begun = now() - timedelta(hours=5)
    made = Register.of(uid, TIN, ORIGIN, begun + timedelta(hours=1))
    with psycopg.connect(country.dsn) as connection:
        enter_hierarchy(connection, country.pki, begun)
        connection.commit()
        bench = PkiBench(connection, country, pki_services(country.pki))  # type: ignore[arg-type]
        bench.register(uid, device_class=device_class, tin=TIN)
        request = csr(made.device.key, named(uid))
        made.device.certificate = enrolment.enrol(
            connection, bench.services, uid, bench.code(uid, begun), request, begun
        )
    book(country, _registration(made))
    with psycopg.connect(country.dsn) as connection:
        row = connection.execute("SELECT link FROM ledger.device_heads WHERE signed_by = %s", (uid,)).fetchone()
    assert row is not None
    made.device.link = bytes(row[0])
    book(country, made.register(), made.open())
    return made


def _registration(register: Register) -> NewEntry:
    entry = register.device.registration()
    body = json.dumps(json.loads(entry.body) | {"type": "fiscal-device"}, sort_keys=True).encode()
    return msgspec.structs.replace(entry, body=body, act_hash=sha256(body))


def book(country: LiveCountry, *entries: NewEntry | Made) -> None:
    """Book in this order, and wait until readers see it."""

    async def append() -> None:
        for one in entries:
            await country.live.sequencer.append(one.entry if isinstance(one, Made) else one)
        await country.live.shown()

    country.loop.run(append())
