"""Claims: offline verification costs little beside the signatures that it checks, and its memory stays flat.

The measure is processor time of one core, the verification in this process against a bare loop over the same
signatures, in turns: a busy neighbour changes that little. An entry is verified whole: inflated, read, hashed, bound to
certificate and record, its taxes recomputed, its five sequences followed. ``full`` takes more documents.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from random import Random

import attrs
import psycopg

from benchmarks.claim import CannotRun, Claim, duration, per_second
from benchmarks.limits import disk_folder
from benchmarks.log_key import file_signers
from benchmarks.national_documents import LABEL, RATE, Register
from benchmarks.package_maker import basket, sale
from benchmarks.signed_documents import SignedCard
from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.ledger.entry import NewEntry
from tallystick.authority.ledger.export import ExportScope, export_ledger
from tallystick.authority.ledger.sequencer import Sequencer, writer_settings
from tallystick.crypto.certificates import der_of, read_card_certificate, read_device_certificate
from tallystick.crypto.keys import generate_rsa_key, load_private_key
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.signatures import verify_es256, verify_invoice_signature
from tallystick.kernel.fixed_point import Money, Quantity
from tallystick.kernel.invoice import InvoiceItem
from tallystick.kernel.national_document import StatedTax
from tallystick.ops.packs import pack_file
from tallystick.ops.postgres import EmbeddedPostgres
from tallystick.verifier.breaks import Break
from tallystick.verifier.invoices import read_quickly
from tallystick.verifier.policy import Policy, read_policy
from tallystick.verifier.run import verify
from tallystick.wire.document_jws import read_signed
from tallystick.wire.signed_note import KeyType, NoteKey

RSA_TARGET, P256_TARGET = 0.35, 0.5
SHORT_DOCUMENTS, FULL_DOCUMENTS = 6_000, 40_000
CARDS = 8
ROUNDS = 3
GROWTH = 1.10
ORIGIN = "fdo.example/bench/verify"
ENVIRONMENT = (1, 9)
PART = 1_024
SINCE = datetime.now(UTC) - timedelta(days=30)
DOCUMENTS_A_SHIFT = 500
TAX_OF_NINE = (StatedTax(LABEL, RATE, Money(7_434)),)
"""Nine times 1.00 with 9 per cent contained, each rounded to 0.0826."""


def _nine_items() -> tuple[InvoiceItem, ...]:
    one = Money.of("1.00")
    return tuple(InvoiceItem(f"Item {number}", Quantity.of("1"), one, (LABEL,), one) for number in range(9))


def run(full: bool) -> Iterable[Claim]:
    """Both kinds of signature, each on a ledger of its own; then the memory over the larger one."""
    documents = FULL_DOCUMENTS if full else SHORT_DOCUMENTS
    with _ledger() as bench:
        folder, policy, signatures = bench.of_cards(documents)
        cost, alone = _compare(folder, policy, signatures)
        yield _claim("RSA-signed packages", cost, alone, RSA_TARGET)
        yield _all_cores(folder, policy, documents)
        yield _memory(folder)
    with _ledger() as bench:
        folder, policy, signatures = bench.of_devices(documents // 2)
        cost, alone = _compare(folder, policy, signatures)
        yield _claim("P-256-signed documents of registers, shifts and taxes followed", cost, alone, P256_TARGET)


def _claim(name: str, cost: float, alone: float, target: float) -> Claim:
    return Claim(
        name=f"offline verification of an entry, {name}, processor time",
        measured=f"{duration(cost)}, {per_second(1 / cost, 'entries')} a core",
        limit=f"{duration(alone)} for its signature alone",
        ratio=alone / cost,
        target=f">= {target}",
        ok=alone / cost >= target,
    )


def _compare(folder: Path, policy: Policy, signatures: list[Callable[[], None]]) -> tuple[float, float]:
    """Processor time of an entry and of its signature, the best of some rounds each, in turns."""
    best, alone = float("inf"), float("inf")
    for _ in range(ROUNDS):
        found: list[Break] = []
        start = time.process_time()
        outcome = verify(folder, policy, workers=1, found=found.append)
        best = min(best, (time.process_time() - start) / outcome.entries)
        if found:
            raise CannotRun(f"the ledger of the benchmark does not verify: {found[0]}")
        start = time.process_time()
        for check in signatures:
            check()
        alone = min(alone, (time.process_time() - start) / len(signatures))
    return best, alone


def _all_cores(folder: Path, policy: Policy, documents: int) -> Claim:
    start = time.perf_counter()
    verify(folder, policy, workers=os.cpu_count() or 1)
    took = time.perf_counter() - start
    return Claim(
        name=f"offline verification on {os.cpu_count()} cores, start of the processes included",
        measured=per_second(documents / took, "entries"),
        limit="",
        ratio=None,
        target="none, for information",
        ok=True,
    )


def _memory(folder: Path) -> Claim:
    """Highest resident memory of a verification of the first parts alone, and of all, in processes of their own."""
    few, all_of = (_peak_bytes(folder, parts) for parts in (2, 0))
    return Claim(
        name="memory while verifying, the whole export against its first two parts",
        measured=f"{all_of / 1e6:.1f} MB",
        limit=f"{few / 1e6:.1f} MB",
        ratio=all_of / few,
        target=f"<= {GROWTH:g} x",
        ok=all_of / few <= GROWTH,
    )


def _peak_bytes(folder: Path, parts: int) -> int:
    command = [sys.executable, "-m", "benchmarks.verify", str(folder), str(parts)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _peak(folder: Path, parts: int) -> int:
    """Verify the first ``parts`` parts only; what their heads say of the rest is not looked at."""
    from tallystick.verifier.part import check_part
    from tallystick.verifier.part_report import PartTask
    from tallystick.verifier.trust import Trust
    from tallystick.wire import ledger_export

    ledger_export.PART_ENTRIES = PART
    manifest = ledger_export.read_manifest((folder / "manifest.json").read_bytes())
    policy = read_policy(folder.parent / "policy.txt")
    trust = Trust(policy.roots, manifest.issuers, rates=policy.rates)
    for part in manifest.parts[: parts or None]:
        task = PartTask(folder=str(folder), part=part, origin=manifest.origin, selection=False, main=None, sizes=(),
                        floors=(), final=(manifest.size, b""))  # fmt: skip
        assert not check_part(task, trust).breaks
    status = Path("/proc/self/status").read_text()  # the other count starts with the parent's
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


@attrs.define
class _Bench:
    """A database with a sequencer to come, and a folder."""

    dsn: str
    folder: Path

    def of_cards(self, documents: int) -> tuple[Path, Policy, list[Callable[[], None]]]:
        """A ledger of packages of some cards, exported."""
        at = datetime.now(UTC) - timedelta(days=30)
        pki = DemoPki.create(
            self.folder / "keys", environment=ENVIRONMENT, organization="Authority", country="AQ", at=at
        )
        names = [(f"BENCH{number:03d}", f"10000000{number % 4}") for number in range(CARDS)]
        cards = [SignedCard.make(pki, uid, tin, generate_rsa_key(), at) for uid, tin in names]
        _at_work[:] = cards  # keys do not travel, a fork has them
        with ProcessPoolExecutor(os.cpu_count(), get_context("fork")) as pool:
            made = list(pool.map(_sell, range(CARDS), [documents // CARDS] * CARDS))
        turns = [entry for some in zip(*made, strict=True) for entry in some]
        asyncio.run(self._book([card.registration() for card in cards], turns))
        keys = {card.card.uid: read_card_certificate(card.certificate).public_key for card in cards}
        tins = {card.card.uid: card.card.tin for card in cards}

        def signature(entry: NewEntry) -> Callable[[], None]:
            said = read_quickly(entry.body)
            assert said is not None
            uid = entry.device[1]
            key, text, moment = keys[uid], said.signed_text(tins[uid]), SINCE
            return lambda: verify_invoice_signature(key, text, said.signature, moment=moment)

        root = pki.files.root.read_bytes()
        issuers = (der_of(pki.files.client_authority.read_bytes()),)
        return *self._export(root, issuers), [signature(entry) for entry in turns]

    def of_devices(self, documents: int) -> tuple[Path, Policy, list[Callable[[], None]]]:
        """A ledger of one register that sells baskets in shifts, exported."""
        till = Register.of("SOFT0001", "100000001", ORIGIN, SINCE)
        device, entries, basket_of_nine = till.device, list[NewEntry](), _nine_items()

        async def walk() -> None:
            await self._book([device.registration()], [])
            with psycopg.connect(self.dsn) as connection:
                row = connection.execute("SELECT link FROM ledger.device_heads").fetchone()
                assert row is not None
                device.link = row[0]
            till.register()
            while len(till.made) < documents:
                till.open()
                for _ in range(DOCUMENTS_A_SHIFT):
                    till.sell("9.00", items=basket_of_nine, taxes=TAX_OF_NINE)
                till.close()
            entries.extend(made.entry for made in till.made)
            await self._book([], entries)

        asyncio.run(walk())
        key = read_device_certificate(device.certificate).public_key

        def signature(entry: NewEntry) -> Callable[[], None]:
            said = read_signed(entry.body)
            return lambda: verify_es256(key, said.signing_input, said.signature, moment=SINCE)

        return *self._export(device.root_pem, ()), [signature(entry) for entry in entries]

    async def _book(self, first: list[NewEntry], entries: list[NewEntry]) -> None:
        signers = file_signers(self.folder / "log.pem", ORIGIN)
        settings = writer_settings(self.dsn, self.folder / "mirror", signers, ORIGIN, lambda: datetime.now(UTC))
        sequencer = Sequencer(settings, self.folder / "seq")
        await sequencer.start()
        client = SequencerClient(self.folder / "seq")
        while (await client.status()).state != "serving":
            await asyncio.sleep(0.05)
        try:
            for entry in first:
                await client.append(entry)
            for start in range(0, len(entries), 256):
                await asyncio.gather(*map(client.append, entries[start : start + 256]))
        finally:
            await client.close()
            await sequencer.stop()

    def _export(self, root: bytes, issuers: tuple[bytes, ...]) -> tuple[Path, Policy]:
        from tallystick.authority.ledger import export
        from tallystick.wire import ledger_export

        for module in (export, ledger_export):  # more parts, so that growth would show
            vars(module)["PART_ENTRIES"] = PART
        folder = self.folder / "export"
        export_ledger(self.dsn, folder, ExportScope(), issuers=issuers)
        key = NoteKey(ORIGIN, KeyType.LOG, load_private_key(self.folder / "log.pem").public.raw)
        (self.folder / "root.pem").write_bytes(root)
        (self.folder / "policy.txt").write_text(f"log {key.verifier_key}\nroot root.pem\npack {pack_file('AQ')}\n")
        return folder, read_policy(self.folder / "policy.txt")


_at_work: list[SignedCard] = []


def _sell(number: int, documents: int) -> list[NewEntry]:
    """Baskets of one to nineteen lines; prices come again, as in a shop."""
    card = _at_work[number]
    random = Random(card.card.uid)
    return [
        card.document(
            sale(basket(random.randint(1, 19), cents=random.choice(range(49, 949, 10)))),
            at=SINCE + timedelta(seconds=10 * turn),
        )
        for turn in range(documents)
    ]


@contextmanager
def _ledger() -> Iterator[_Bench]:
    with tempfile.TemporaryDirectory(dir=disk_folder(), prefix="tallystick-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database's account passes through
        with EmbeddedPostgres(folder / "postgres", durable=False) as server:
            dsn = server.owner_dsn
            subprocess.run([sys.executable, "-m", "tallystick.ops.schema.migrate", dsn], check=True, timeout=120)
            yield _Bench(dsn, folder)


if __name__ == "__main__":
    print(_peak(Path(sys.argv[1]), int(sys.argv[2])))
