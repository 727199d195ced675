"""Cards of TaxCore and registers of the national channels at their own doors, before one ledger and one database."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import psycopg
from intake_bench import MemoryDirectory, MemoryUnwrap
from intake_live import registration
from ledger_bench import LedgerFolder
from national_bench import PACK, TIN, NationalBench, national

from benchmarks.national_till import NationalTill
from benchmarks.package_maker import Card, rate_group, sale
from tallystick.authority.channels.erp.store import Refund, refunds
from tallystick.authority.intake.budget import BudgetPolicy
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.package import PackageAnswer
from tallystick.authority.intake.pipeline import Intake, IntakePolicy
from tallystick.authority.intake.ports import PackageRules
from tallystick.authority.intake.store import acked_size
from tallystick.authority.intake.tasks import follow_refunds
from tallystick.authority.projections.inspections import queries
from tallystick.authority.projections.inspections.tasks import watch
from tallystick.authority.projections.inspections.values import CaseKind, Seen
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.crypto.keys import PrivateKey
from tallystick.kernel.fixed_point import Money, Quantity
from tallystick.kernel.identifiers import SdcInvoiceNumber, Uid
from tallystick.kernel.invoice import InvoiceItem, InvoiceRequest, TransactionType
from tallystick.ops.inspections import detectors
from tallystick.ops.packs import load_pack
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.ops.settings import Settings
from tallystick.wire.record import read_record

_NUMBERS = count(1)


@attrs.define
class TwoDoors:
    """``national`` is the door of registers, ``intake`` that of packages."""

    national: NationalBench
    keys: Sequence[PrivateKey]
    directory: MemoryDirectory
    intake: Intake

    @classmethod
    def of(cls, bench: NationalBench, keys: Sequence[PrivateKey]) -> TwoDoors:
        """The second door beside the first; the first key is the authority's."""
        directory = MemoryDirectory()
        made = cls(bench, keys, directory, None)  # type: ignore[arg-type]  # made in the next line
        made.intake = made.another_intake()
        return made

    def another_intake(self) -> Intake:
        """A process that remembers nothing."""
        bench = self.national
        rules = PackageRules(
            directory=self.directory,
            rates=Rates((rate_group(),)),
            unwrap=MemoryUnwrap(self.keys[0]),
            pack=bench.pack,
            zone=ZoneInfo(bench.pack.time_zone),
        )
        keeper = Keeper(lambda: psycopg.connect(as_role(bench.ledger.dsn, INTAKE)))
        policy = IntakePolicy(budget=BudgetPolicy(enabled=False), uniform_seconds=0.0)
        return Intake(rules, bench.sequencer, keeper, policy)

    async def till(self) -> NationalTill:
        """A register that no test had before, with its shift open."""
        return await self.national.opened(f"SOFT{next(_NUMBERS):04}")

    async def card(self, tin: str = TIN) -> Card:
        """A card that no test had before, whose registration is in the ledger."""
        uid = f"CARD{next(_NUMBERS):04}"
        made = Card(uid, tin, self.keys[1], self.keys[0].public)
        await self.national.sequencer.append(registration(made))
        self.directory.entries[uid] = made.entry()
        return made

    async def send(self, card: Card, package: bytes) -> PackageAnswer:
        """Hand a package in, now."""
        return await self.intake.submit_package(
            package, token_uid=card.uid, token_tin=card.tin, received_at=self.national.now
        )

    def signed(self, card: Card, amount: str, original: SdcInvoiceNumber | str | None = None, **more: Any) -> bytes:
        """The card's next sale, or its refund of an original, as a package."""
        return card.package(paid(amount, original, **more), self.national.now)

    async def sell(self, card: Card, amount: str) -> SdcInvoiceNumber:
        """A sale by card that is booked."""
        assert (await self.send(card, self.signed(card, amount))).status == 4
        return number_of(card, card.total_counter)

    async def back(self, card: Card, amount: str, original: SdcInvoiceNumber | str, **more: Any) -> tuple[str, ...]:
        """A refund by card, which is always booked; the codes that it carries."""
        answer = await self.send(card, self.signed(card, amount, original, **more))
        assert answer.status == 4
        assert answer.index is not None
        return self.flags(card.uid, card.total_counter)

    async def till_back(self, till: NationalTill, amount: str, original: SdcInvoiceNumber) -> str:
        """A refund by a register; the code of its refusal, empty where it is booked."""
        gives = till.sale([amount], operation=TransactionType.REFUND, refers_to=original)
        document, now = till.receipt(gives), self.national.now
        compact = till.sign(document, now, keep=False)
        code = await self.national.code(till, compact)
        if not code:
            till.take(compact, document, now)
        return code

    async def later(self, till: NationalTill) -> None:
        """A while goes by, and the register begins another shift."""
        self.national.now += timedelta(minutes=11)
        await self.national.send(till, till.report(self.national.now))
        await self.national.send(till, till.open_shift(self.national.now))

    def refunds_of(self, original: SdcInvoiceNumber) -> list[tuple[int, bool, str]]:
        """What the ledger has of them: amount, whether it was booked as too much, device."""
        rows = self.rows("SELECT record FROM ledger.records WHERE position(%s::bytea IN record) > 0", str(original))
        found = [read_record(bytes(record)) for (record,) in rows]
        named = [one for one in found if one.refers_to == str(original)]
        return [(int(one.total), "TS-2104" in one.flags, one.device) for one in named]

    async def shown(self) -> None:
        """Wait until what was booked is behind the gate for readers."""
        size = (await self.national.sequencer.status()).size
        while self.rows("SELECT coalesce(max(tree_size), 0) FROM ledger.checkpoints")[0][0] < size:
            await asyncio.sleep(0.01)

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Look into the database."""
        return self.national.ledger.rows(query, *parameters)

    def flags(self, uid: str, ordinal: int) -> tuple[str, ...]:
        """What the ledger's record of a number says of it."""
        [(record,)] = self.rows(
            "SELECT r.record FROM ledger.identity i JOIN ledger.records r USING (month, tin, log_index)"
            " WHERE i.signed_by = %s AND i.se_total = %s",
            uid,
            ordinal,
        )
        return tuple(read_record(bytes(record)).flags)

    def claims(self) -> list[tuple[Any, ...]]:
        """All that counts: original, who took, how much."""
        return self.rows(
            "SELECT original, device, sequence, amount FROM intake.refund_claim WHERE NOT let_go ORDER BY 2, 3"
        )

    async def feed(self, till: NationalTill) -> list[Refund]:
        """What an ERP that stands in the place of a register would be told of refunds."""
        await self.shown()
        with psycopg.connect(as_role(self.national.ledger.dsn, INTAKE)) as conn:
            since = self.national.now - timedelta(hours=1)
            return refunds(conn, till.uid, 0, acked_size(conn), since, 100)

    def follow(self) -> int:
        """The fold over the ledger, once."""
        with psycopg.connect(as_role(self.national.ledger.dsn, INTAKE)) as conn:
            return follow_refunds(conn)

    async def cases(self, *originals: SdcInvoiceNumber) -> list[tuple[str, str]]:
        """What the detector has put into cases about refunds of these: the number of each, and why."""
        await self.shown()
        named = {str(one) for one in originals}
        facts = [(one.evidence.device, one.evidence.facts) for one in await asyncio.to_thread(self._look)]
        return [
            (f"{device}-{said['ordinal']}", said["why"])
            for device, said in facts
            if said.get("original", "").upper() in named
        ]

    def _look(self) -> list[Seen]:
        [detector] = detectors(Settings(detectors="D-UND"), load_pack("AQ"))
        with psycopg.connect(as_role(self.national.ledger.dsn, INTAKE)) as conn:
            for _ in range(3):
                watch(conn, detector, self.national.now)
            open_ones = queries.cases(conn, kind=CaseKind.REFUND_CONTRADICTS)
            return [seen for one in reversed(open_ones) for seen in queries.evidence(conn, one.case_id)]


def number_of(card: Card, ordinal: int) -> SdcInvoiceNumber:
    """The number of one of a card's documents."""
    return SdcInvoiceNumber(Uid(card.uid), Uid(card.uid), ordinal)


def paid(amount: str, original: SdcInvoiceNumber | str | None = None, **more: Any) -> InvoiceRequest:
    """One piece for that amount: sold, or given back of an original."""
    price = Money.of(amount)
    item = InvoiceItem("Goods", Quantity.of("1"), price, ("A",), price)
    if original is not None:
        more = {"transaction_type": TransactionType.REFUND, "referent_document_number": str(original)} | more
    return sale((item,), **more)


def run_both(
    ledger: LedgerFolder, keys: Sequence[PrivateKey], walk: Callable[[TwoDoors], Awaitable[None]], **channels: Any
) -> None:
    """Do something at both doors while the sequencer serves."""

    async def all_of_it() -> None:
        pack = attrs.evolve(PACK, channels=attrs.evolve(PACK.channels, **channels)) if channels else PACK
        async with national(ledger, pack) as bench:
            await walk(TwoDoors.of(bench, keys))

    asyncio.run(all_of_it())
