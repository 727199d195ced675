"""A country whose shops sell for weeks, and detectors that look at it: everything real but the passing of days."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import attrs
import msgspec
import psycopg
from public_live import SELLER, LiveCountry, live_country, now

from benchmarks.package_maker import Card, sale, seal
from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.projections.inspections import queries
from tallystick.authority.projections.inspections.tasks import watch
from tallystick.authority.projections.inspections.values import Case, CaseKind, CaseState
from tallystick.authority.projections.verification.check import open_url
from tallystick.authority.reference.registry import queries as registry
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.invoice import InvoiceRequest, InvoiceResult
from tallystick.ops.inspections import BuyersSightings, detectors
from tallystick.ops.packs import load_pack
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role
from tallystick.ops.settings import Settings
from tallystick.wire.audit_data import write_audit_data
from tallystick.wire.journal import JournalFacts, render_journal
from tallystick.wire.journal_languages import LANGUAGES

OPENING_HOURS = (9, 15)


@attrs.define
class Inspected:
    """Shops that sell, a clock that tests move, and what the detectors make of it."""

    country: LiveCountry
    at: datetime
    entry_of: dict[tuple[str, int], int] = attrs.Factory(dict)

    def sign(self, card: Card, request: InvoiceRequest | None = None) -> tuple[InvoiceRequest, InvoiceResult]:
        """A signed invoice with a journal as devices print it."""
        request, result = card.invoice(request or sale(), self.at)
        seller = attrs.evolve(SELLER, tin=result.seller.tin)
        facts = JournalFacts(
            seller=seller,
            tax_items=result.tax_items,
            total=result.total_amount,
            sdc_time=result.sdc_time,
            number=result.number,
            type_counter=result.type_counter,
            counter_extension=result.counter_extension,
        )
        journal = render_journal(request, facts, LANGUAGES["en-US"], self.country.zone)
        return request, attrs.evolve(result, journal=journal, seller=seller)

    def send(self, card: Card, request: InvoiceRequest, result: InvoiceResult) -> int:
        """Send it in; the index of its entry."""
        return self.send_all([(card, request, result)])[0]

    def send_all(self, signed: list[tuple[Card, InvoiceRequest, InvoiceResult]]) -> list[int]:
        """Send many in at once."""

        async def submit() -> list[int]:
            packages = [(card, seal(write_audit_data(said, made), card.encryption_key)) for card, said, made in signed]
            live = self.country.live
            answers = await asyncio.gather(*(live.submit(body, self.at, sender=card) for card, body in packages))
            assert {one.status for one in answers} == {4}, answers
            await live.shown()
            return [one.index for one in answers if one.index is not None]

        indexes = self.country.loop.run(submit())
        for (card, _, result), index in zip(signed, indexes, strict=True):
            self.entry_of[card.uid, result.total_counter] = index
        return indexes

    def sell(self, *cards: Card) -> None:
        """Each card sells once, now, and sends it in."""
        self.send_all([(card, *self.sign(card)) for card in cards])

    def days(self, count: int, *cards: Card) -> None:
        """Days with their opening hours; each second day closes with an executed proof of audit."""
        for day in range(count):
            midnight = self.at.astimezone(self.country.zone).replace(hour=0, minute=0, second=0, microsecond=0)
            for hour in OPENING_HOURS:
                self.at = midnight + timedelta(days=1, hours=hour)
                self.sell(*cards)
            if day % 2:
                for card in cards:
                    self.prove(card)

    def prove(self, card: Card) -> None:
        """The ledger's entry that a card has executed a proof up to its newest document."""
        facts = {
            "event": "executed",
            "reportedAt": str(unix_ms(self.at)),
            "totalCounter": str(card.total_counter),
            "uid": card.uid,
        }
        entry = NewEntry(
            kind=EntryKind.PROOF_OF_AUDIT,
            channel=Channel.NONE,
            body=msgspec.json.encode(facts, order="sorted"),
            media_type="application/json",
            received_at_ms=unix_ms(self.at),
            device=(card.uid, card.uid),
        )

        async def append() -> None:
            await self.country.live.sequencer.append(entry)
            await self.country.live.shown()

        self.country.loop.run(append())

    def scan(self, result: InvoiceResult) -> None:
        """A buyer shows the code of a receipt that the ledger has not."""
        with psycopg.connect(as_role(self.country.dsn, PORTAL)) as conn:
            facts = open_url(result.verification_url, lambda uid: registry.secure_element(conn, uid))

        def connect() -> Any:
            return psycopg.connect(as_role(self.country.dsn, PORTAL), autocommit=True)

        BuyersSightings(connect, lambda: self.at).note(facts)

    def look(self, names: str = "D-MAN D-DEL D-UND", rounds: int = 3) -> list[Case]:
        """The detectors of that switch look, and the open cases are given."""
        with psycopg.connect(as_role(self.country.dsn, INTAKE)) as conn:
            for _ in range(rounds):
                for detector in detectors(Settings(detectors=names), load_pack("AQ")):
                    watch(conn, detector, self.at)
            return queries.cases(conn, state=CaseState.OPEN)

    def kinds(self, names: str = "D-MAN D-DEL D-UND") -> set[CaseKind]:
        """What the open cases are about after the detectors have looked."""
        return {case.kind for case in self.look(names)}

    def edit(self, statement: str, *parameters: object) -> None:
        """What an insider does: as the owner, with the triggers out of the way."""
        with psycopg.connect(self.country.dsn) as conn:
            conn.execute("SET session_replication_role = replica")
            conn.execute(statement.encode(), parameters)


@contextmanager
def inspected(dsn: str, folder: Path) -> Iterator[Inspected]:
    """The country, with both its cards registered; time starts now and goes on by hand."""
    with live_country(dsn, folder) as country:
        yield Inspected(country, now())
