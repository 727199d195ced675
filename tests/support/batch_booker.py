"""A process that books batches of a register until it is killed; arguments: FOLDER DSN UID TIN CERTIFICATE (hex)."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from batch_bench import Withdrawals, make
from ledger_bench import ORIGIN, LedgerFolder
from national_bench import PACK, MemoryRegistry, NationalBench

from benchmarks.national_till import NationalTill
from tallystick.authority.ledger.client import SequencerClient
from tallystick.crypto.national_oids import DeviceClass


async def main(folder: str, dsn: str, uid: str, tin: str, certificate: str) -> None:
    """Book for ever."""
    ledger, registry, now = LedgerFolder(Path(folder), dsn), MemoryRegistry(), datetime.now(UTC)
    till = NationalTill(uid, tin, ORIGIN)
    till.device.certificate = bytes.fromhex(certificate)
    registry.enter(till, DeviceClass.HARDWARE, now)
    bench = NationalBench(ledger, SequencerClient(ledger.socket), registry, None, PACK, now)  # type: ignore[arg-type]
    batches = make(bench, Withdrawals())
    while True:
        bench.now = datetime.now(UTC)
        if not await batches.book():
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
