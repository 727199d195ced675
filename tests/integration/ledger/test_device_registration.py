"""A national device begins its sequence with its registration, and the registry knows the very link (S0-038)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from ledger_bench import LedgerFolder, lines, registration

from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry.national_devices import NationalDirectory
from tallystick.authority.reference.registry.tasks import publish_devices
from tallystick.authority.reference.registry.values import DeviceCertificate, FiscalDevice, Taxpayer
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.ops.national_registrations import begun_with, device_registration_of
from tallystick.ops.national_views import national_views

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
TIN = Tin("100000001")


def certified(conn: psycopg.Connection, uid: str, text: bytes = b"") -> None:
    """A device and its first certificate, or its next one; what is in it is of no matter to the ledger."""
    registry.register_taxpayer(conn, Taxpayer(TIN, "Grocers"))
    device = FiscalDevice(
        uid=Uid(uid), device_class=1, tin=TIN, premises_id=None, maker="M", model="T", serial_number=uid
    )
    registry.register_fiscal_device(conn, device)
    der = uid.encode() + text
    made = DeviceCertificate(
        certificate_hash=sha256(der),
        uid=Uid(uid),
        device_class=DeviceClass.SOFTWARE,
        tin=TIN,
        certificate=der,
        not_before=NOW,
        not_after=NOW + timedelta(days=365),
        authority="device-ca",
    )
    registry.enter_certificate(conn, made, NOW)
    conn.commit()


def publish(ledger: LedgerFolder) -> int:
    with psycopg.connect(ledger.dsn) as conn:
        return publish_devices(
            conn, lambda first: append_blocking(ledger.socket, device_registration_of(first)), begun_with
        )


def view(ledger: LedgerFolder) -> NationalDirectory:
    devices, views = national_views(lambda: NOW)
    with psycopg.connect(ledger.dsn) as conn:
        for one in views:
            one.refresh(conn)
    return devices


def test_s0_038_a_device_is_registered_once_with_its_first_certificate(ledger: LedgerFolder) -> None:
    async def walk() -> None:
        async with ledger.serving():
            with psycopg.connect(ledger.dsn) as conn:
                for uid in ("DEVICE01", "DEVICE02"):
                    certified(conn, uid)
                    certified(conn, uid, b"renewed")
            assert await asyncio.to_thread(publish, ledger) == 2
            assert await asyncio.to_thread(publish, ledger) == 0
            ledger.edit("UPDATE registry.fiscal_device SET registration_index = NULL, genesis = NULL")
            assert await asyncio.to_thread(publish, ledger) == 2, "as after a crash between the two"

    asyncio.run(walk())
    heads = {
        uid: (index, link, digest)
        for uid, index, link, digest in ledger.rows(
            "SELECT signed_by, registration_index, link, certificate_hash FROM ledger.device_heads"
        )
    }
    assert len(heads) == 2
    [(entries,)] = ledger.rows("SELECT count(*) FROM ledger.leaves")
    assert entries == len(heads) + 1, "two registrations and the barrier"
    for uid, (index, link, digest) in heads.items():
        device = view(ledger).device(uid)
        assert device is not None
        assert (device.registration_index, device.genesis) == (index, link)
        assert digest == sha256(uid.encode()), "the first certificate, not the newest"
    assert not ledger.sweep(), "\n".join(lines(ledger.sweep()))


def test_ts_3004_a_uid_that_the_ledger_knows_otherwise_gets_no_genesis(ledger: LedgerFolder) -> None:
    """And the devices beside it do."""

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await client.append(registration("DEVICE01"))
            with psycopg.connect(ledger.dsn) as conn:
                certified(conn, "DEVICE01")
                certified(conn, "DEVICE02")
            with pytest.raises(Fault, match="TS-3004"):
                await asyncio.to_thread(publish, ledger)

    asyncio.run(walk())
    first, second = view(ledger).device("DEVICE01"), view(ledger).device("DEVICE02")
    assert first is not None
    assert second is not None
    assert first.registration_index is None
    assert second.registration_index is not None
