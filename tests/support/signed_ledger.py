"""A small ledger of documents that real cards signed, with its registry and its certificates."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import psycopg
from ledger_bench import ORIGIN, LedgerFolder

from benchmarks.package_maker import basket, sale
from benchmarks.signed_documents import SignedCard
from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.reference.registry.operations import register_secure_element, register_taxpayer
from tallystick.authority.reference.registry.queries import secure_element
from tallystick.authority.reference.registry.store import set_registration_index
from tallystick.authority.reference.registry.tasks import REGISTRATION_MEDIA_TYPE, registration_body
from tallystick.authority.reference.registry.values import SecureElementEntry, Taxpayer
from tallystick.crypto.certificates import der_of
from tallystick.crypto.keys import generate_rsa_key
from tallystick.crypto.pki import DemoPki
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.invoice import InvoiceType, TransactionType

ENVIRONMENT = (1, 9)
CARDS = {"ABCD1234": "100000001", "WXYZ9876": "100000001", "QRST5555": "100000002"}
LIMIT = Money(10**12)


@attrs.define
class SignedLedger:
    """The ledger's folder with the authority's PKI and its cards."""

    ledger: LedgerFolder
    pki: DemoPki
    cards: dict[str, SignedCard]

    @classmethod
    def make(cls, folder: Path, dsn: str, *, cards: dict[str, str] | None = None) -> SignedLedger:
        """Keys, certificates and registry; nothing is booked yet."""
        at = datetime.now(UTC) - timedelta(days=30)
        pki = DemoPki.create(folder / "keys", environment=ENVIRONMENT, organization="Authority", country="AQ", at=at)
        wanted = cards or CARDS
        with ThreadPoolExecutor(2) as pool:
            keys = dict(zip(wanted, pool.map(lambda _: generate_rsa_key(), wanted), strict=True))
        made = {uid: SignedCard.make(pki, uid, tin, keys[uid], at) for uid, tin in wanted.items()}
        ledger = LedgerFolder.make(folder, dsn)
        (folder / "log.pem").write_bytes(pki.files.private_key("log").read_bytes())
        with psycopg.connect(dsn) as connection:
            for one in made.values():
                register_taxpayer(connection, Taxpayer(Tin(one.card.tin), f"Business {one.card.tin}"))
                register_secure_element(
                    connection, one.certificate, environment=ENVIRONMENT, encryption_key="package", limit=LIMIT
                )
        return cls(ledger, pki, made)

    @property
    def issuers(self) -> tuple[bytes, ...]:
        """What stands between a card and the root."""
        return (der_of(self.pki.files.client_authority.read_bytes()),)

    def policy(self, *lines: str) -> Path:
        """A policy file that trusts this country's root and log."""
        path = self.ledger.folder / "policy.txt"
        root = self.pki.files.root
        path.write_text("\n".join((f"log {self.ledger.log_key.verifier_key}", f"root {root}", *lines)) + "\n")
        return path

    async def register(self, client: SequencerClient) -> None:
        """Enter each card into the log, as the worker does."""
        with psycopg.connect(self.ledger.dsn) as connection:
            for uid in self.cards:
                entry = secure_element(connection, uid)
                assert entry is not None
                booked = await client.append(registration(entry))
                set_registration_index(connection, Uid(uid), booked.index)

    def book(self, entries: Iterable[NewEntry] = (), *, register: bool = False) -> None:
        """Book entries one after the other, some to a batch."""

        async def walk() -> None:
            async with self.ledger.serving() as (client, _):
                if register:
                    await self.register(client)
                waiting: list[NewEntry] = []
                for entry in entries:
                    waiting.append(entry)
                    if len(waiting) == 8:
                        await asyncio.gather(*map(client.append, waiting))
                        waiting = []
                await asyncio.gather(*map(client.append, waiting))

        asyncio.run(walk())

    def sales(
        self, count: int, *, since: datetime, step: timedelta = timedelta(hours=2), buyers: bool = False
    ) -> Iterator[NewEntry]:
        """Sales of all cards in turn, some of them refunds and training, at a steady pace from ``since`` on.

        With ``buyers`` every second one names a buyer.
        """
        cards = list(self.cards.values())
        for number in range(count):
            kind = InvoiceType.TRAINING if number % 13 == 5 else InvoiceType.NORMAL
            way = TransactionType.REFUND if number % 11 == 7 else TransactionType.SALE
            items = basket(1 + number % 7, cents=149 + number)
            request = sale(items, invoice_type=kind, transaction_type=way)
            if way is TransactionType.REFUND:
                request = attrs.evolve(request, referent_document_number=f"{cards[number % len(cards)].card.uid}-1")
            if buyers and number % 2:
                request = attrs.evolve(request, buyer_id=f"10:{number} a")
            yield cards[number % len(cards)].document(request, at=since + number * step)


def registration(entry: SecureElementEntry) -> NewEntry:
    """The entry that opens a card's sequence."""
    body = registration_body(entry)
    return NewEntry(
        kind=EntryKind.REGISTRY,
        channel=Channel.NONE,
        body=body,
        media_type=REGISTRATION_MEDIA_TYPE,
        received_at_ms=unix_ms(datetime.now(UTC) - timedelta(days=29)),
        act_hash=sha256(body),
        device=(entry.uid, entry.uid),
        tin=entry.tin,
        certificate_hash=entry.certificate_hash,
    )


__all__ = ["CARDS", "ENVIRONMENT", "ORIGIN", "SignedCard", "SignedLedger", "registration"]
