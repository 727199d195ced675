"""Documents of the national channels, signed by a software device (ES256): booked, exported, verified."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from export_bench import codes
from ledger_bench import ORIGIN, LedgerFolder

from benchmarks.signed_documents import SoftwareDevice
from tallystick.authority.ledger.entry import NewEntry
from tallystick.authority.ledger.export import ExportScope, export_ledger
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.verifier.breaks import Break, BreakCode
from tallystick.verifier.policy import read_policy
from tallystick.verifier.run import verify
from tallystick.wire.document_jws import read_signed

PAYLOAD = b'{"total":"1.00","items":[{"name":"Bread","total":"1.00"}]}'
SINCE = datetime.now(UTC) - timedelta(days=2)


def _book(ledger: LedgerFolder, device: SoftwareDevice, change: Callable[[NewEntry], NewEntry] | None = None) -> None:
    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await client.append(device.registration())
            [(device.link,)] = ledger.rows("SELECT link FROM ledger.device_heads WHERE signed_by = %s", device.uid)
            for number in range(12):
                entry = device.document(PAYLOAD, at=SINCE + timedelta(minutes=number))
                await client.append(change(entry) if change and number == 5 else entry)

    asyncio.run(walk())


def _verify(ledger: LedgerFolder, device: SoftwareDevice, folder: Path) -> list[Break]:
    (folder / "root.pem").write_bytes(device.root_pem)
    (folder / "policy.txt").write_text(f"log {ledger.log_key.verifier_key}\nroot root.pem\n")
    export_ledger(ledger.dsn, folder / "export", ExportScope())
    found: list[Break] = []
    verify(folder / "export", read_policy(folder / "policy.txt"), workers=1, found=found.append)
    return found


@pytest.fixture
def ledger(tmp_path: Path, database: str) -> LedgerFolder:
    """An empty ledger."""
    return LedgerFolder.make(tmp_path, database)


def test_documents_under_es256_hold(ledger: LedgerFolder, tmp_path: Path) -> None:
    device = SoftwareDevice("SOFT0001", "100000001", ORIGIN)
    _book(ledger, device)
    assert not _verify(ledger, device, tmp_path)


def _other_payload(entry: NewEntry) -> NewEntry:
    header, _, rest = entry.body.partition(b".")
    payload, _, signature = rest.partition(b".")
    return changed(entry, body=header + b"." + payload[:-1] + b"A." + signature)


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
    device = SoftwareDevice("SOFT0001", "100000001", ORIGIN)
    _book(ledger, device, change)
    assert expected in codes(_verify(ledger, device, tmp_path))


def test_a_device_that_signed_another_place_is_named(ledger: LedgerFolder, tmp_path: Path) -> None:
    """The link before it is under the signature: an operator who leaves one out cannot make the next one fit."""
    device = SoftwareDevice("SOFT0001", "100000001", ORIGIN)

    def left_out(entry: NewEntry) -> NewEntry:
        return device.document(PAYLOAD, at=SINCE + timedelta(minutes=6))

    _book(ledger, device, left_out)
    assert BreakCode.DEVICE_LINK in codes(_verify(ledger, device, tmp_path))


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
    body = device.document(PAYLOAD, at=SINCE).body
    assert read_signed(body).header.sequence == 1
    header, _, rest = body.partition(b".")
    said = json.loads(urlsafe_b64decode(header + b"=" * (-len(header) % 4)))
    spoilt = urlsafe_b64encode(json.dumps(change(said)).encode()).rstrip(b"=")
    with pytest.raises(Fault) as caught:
        read_signed(spoilt + b"." + rest)
    assert caught.value.code == "TS-1201"
