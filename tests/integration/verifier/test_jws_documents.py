"""Documents of the national channels, signed by a software device (ES256): booked, exported, verified."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from export_bench import codes
from ledger_bench import ORIGIN, LedgerFolder

from benchmarks.national_documents import Register
from benchmarks.signed_documents import SoftwareDevice
from tallystick.authority.ledger.entry import NewEntry
from tallystick.authority.ledger.export import ExportScope, export_ledger
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.ops.packs import pack_file
from tallystick.verifier.breaks import Break, BreakCode
from tallystick.verifier.policy import read_policy
from tallystick.verifier.run import verify
from tallystick.wire.document_jws import read_signed

SINCE = datetime.now(UTC) - timedelta(days=2)


def _book(ledger: LedgerFolder, till: Register, change: Callable[[NewEntry], NewEntry] | None = None) -> None:
    """A shift of ten documents; ``change`` is made to the sixth."""

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await client.append(till.device.registration())
            uid = till.device.uid
            [(till.device.link,)] = ledger.rows("SELECT link FROM ledger.device_heads WHERE signed_by = %s", uid)
            made = [till.register(), till.open(), *(till.sell() for _ in range(7)), till.close()]
            for number, one in enumerate(made):
                entry = changed(one.entry, device_seq=0, device_prev=b"") if change else one.entry
                await client.append(change(entry) if change and number == 5 else entry)

    asyncio.run(walk())


def _verify(ledger: LedgerFolder, till: Register, folder: Path) -> list[Break]:
    (folder / "root.pem").write_bytes(till.device.root_pem)
    (folder / "policy.txt").write_text(f"log {ledger.log_key.verifier_key}\nroot root.pem\npack {pack_file('AQ')}\n")
    export_ledger(ledger.dsn, folder / "export", ExportScope())
    found: list[Break] = []
    verify(folder / "export", read_policy(folder / "policy.txt"), workers=1, found=found.append)
    return found


@pytest.fixture
def ledger(tmp_path: Path, database: str) -> LedgerFolder:
    """An empty ledger."""
    return LedgerFolder.make(tmp_path, database)


def test_documents_under_es256_hold(ledger: LedgerFolder, tmp_path: Path) -> None:
    till = Register.of("SOFT0001", "100000001", ORIGIN, SINCE)
    _book(ledger, till)
    assert not _verify(ledger, till, tmp_path)


def _other_payload(entry: NewEntry) -> NewEntry:
    header, _, rest = entry.body.partition(b".")
    payload, _, signature = rest.partition(b".")
    spoilt = payload[:40] + (b"A" if payload[40:41] != b"A" else b"B") + payload[41:]
    return changed(entry, body=header + b"." + spoilt + b"." + signature)


def changed(entry: NewEntry, **changes: object) -> NewEntry:
    """The entry with other values."""
    import msgspec

    return msgspec.structs.replace(entry, **changes)


def _short_signature(entry: NewEntry) -> NewEntry:
    return changed(entry, body=entry.body[:-4])


def _other_time(entry: NewEntry) -> NewEntry:
    return changed(entry, issued_at_ms=entry.issued_at_ms + 1)


def _other_act(entry: NewEntry) -> NewEntry:
    return changed(entry, act_hash=sha256(b"other"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_other_payload, BreakCode.SIGNATURE),
        (_short_signature, BreakCode.SIGNATURE),
        (_other_time, BreakCode.BINDING),
        (_other_act, BreakCode.BINDING),
    ],
)
def test_a_document_that_was_changed_is_named(
    ledger: LedgerFolder, tmp_path: Path, change: Callable[[NewEntry], NewEntry], expected: BreakCode
) -> None:
    till = Register.of("SOFT0001", "100000001", ORIGIN, SINCE)
    _book(ledger, till, change)
    assert expected in codes(_verify(ledger, till, tmp_path))


def test_a_device_that_signed_another_place_is_named(ledger: LedgerFolder, tmp_path: Path) -> None:
    """The link before it is under the signature: an operator who leaves one out cannot make the next one fit."""
    till = Register.of("SOFT0001", "100000001", ORIGIN, SINCE)

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await client.append(till.device.registration())
            [(till.device.link,)] = ledger.rows("SELECT link FROM ledger.device_heads")
            made = [till.register(), till.open(), till.sell(), till.sell()]
            for one in (made[0], made[1], made[3]):
                await client.append(changed(one.entry, device_seq=0, device_prev=b""))

    asyncio.run(walk())
    assert BreakCode.DEVICE_LINK in codes(_verify(ledger, till, tmp_path))


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header | {"alg": "none"},
        lambda header: header | {"alg": "HS256"},
        lambda header: header | {"jwk": "x"},
        lambda header: {name: value for name, value in header.items() if name != "ts-nonce"},
        lambda header: header | {"ts-seq": "007"},
        lambda header: header | {"ts-time": "yesterday"},
        lambda header: header | {"crit": ["ts-seq"]},
        lambda header: header | {"kid": "AA"},
    ],
)
def test_ts_1201_a_header_that_is_none(change: Callable[[dict[str, object]], dict[str, object]]) -> None:
    import json
    from base64 import urlsafe_b64decode, urlsafe_b64encode

    device = SoftwareDevice("SOFT0001", "100000001", ORIGIN, link=bytes(32))
    body = device.document(b"{}", at=SINCE).body
    assert read_signed(body).header.sequence == 1
    header, _, rest = body.partition(b".")
    said = json.loads(urlsafe_b64decode(header + b"=" * (-len(header) % 4)))
    spoilt = urlsafe_b64encode(json.dumps(change(said)).encode()).rstrip(b"=")
    with pytest.raises(Fault) as caught:
        read_signed(spoilt + b"." + rest)
    assert caught.value.code == "TS-1201"
