"""An intake with everything real but the processes around it: unwrap and sequencer answer from memory."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import msgspec

from benchmarks.package_maker import NOW, Card, rate_group, seal
from tallystick.authority.intake.budget import BudgetPolicy
from tallystick.authority.intake.claims import RefundClaim, Taken
from tallystick.authority.intake.package import PackageAnswer
from tallystick.authority.intake.pipeline import Intake, IntakePolicy
from tallystick.authority.intake.ports import PackageRules
from tallystick.authority.intake.store import Evidence, InQuarantine, Quarantined, Refused
from tallystick.authority.intake.unwrap import Opener
from tallystick.authority.intake.unwrap_messages import (
    OpenedPackage,
    Operation,
    read_answer,
    read_opened,
    write_package_request,
)
from tallystick.authority.ledger.entry import Booked, EntryKind, NewEntry
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.reference.registry.values import SecureElementEntry
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.crypto.keys import PrivateKey, generate_rsa_key
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.wire.audit_package import SealedPackage
from tallystick.wire.country_pack import parse_pack

PACK = Path("countries/AQ/pack.toml")


class MemoryDirectory:
    """The registry's view."""

    def __init__(self) -> None:
        self.entries: dict[str, SecureElementEntry] = {}

    def secure_element(self, uid: str) -> SecureElementEntry | None:
        """By UID."""
        return self.entries.get(uid)


class MemoryUnwrap:
    """The unwrap process without the process: the same opener, the same messages."""

    def __init__(self, key: PrivateKey) -> None:
        self._opener = Opener(key)
        self.calls = 0

    async def open_package(self, sealed: SealedPackage) -> OpenedPackage:
        """As the client does."""
        self.calls += 1
        return read_opened(self._opener.answer(write_package_request(sealed)))

    async def open_internal_data(self, sealed: bytes) -> bytes:
        """As the client does."""
        self.calls += 1
        return read_answer(self._opener.answer(bytes([Operation.INTERNAL_DATA]) + sealed), "TS-1316")


class MemoryLedger:
    """What the sequencer promises: acts and events known by their hashes, evidence for contradictions."""

    def __init__(self) -> None:
        self.entries: list[NewEntry] = []
        self.fault: Fault | None = None
        self.hold: Callable[[], Awaitable[None]] | None = None

    async def append(self, entry: NewEntry) -> Booked:
        """Book, or say that it is booked."""
        if self.hold is not None:
            await self.hold()
        if self.fault is not None:
            raise self.fault
        body_hash = sha256(entry.body)
        for index, known in enumerate(self.entries):
            document = entry.kind == known.kind == EntryKind.DOCUMENT
            same_act = document and known.act_hash == entry.act_hash
            same_event = not document and known.kind == entry.kind and known.body == entry.body
            if same_act or same_event:
                return self._booked(index, duplicate=True)
            if document and (known.device, known.se_total) == (entry.device, entry.se_total):
                self.entries.append(msgspec.structs.replace(entry, kind=EntryKind.EVIDENCE))
                raise Fault("TS-1403")
        self.entries.append(entry)
        assert body_hash
        return self._booked(len(self.entries) - 1, duplicate=False)

    def _booked(self, index: int, *, duplicate: bool) -> Booked:
        entry = self.entries[index]
        return Booked(
            index=index,
            verdict=entry.verdict,
            duplicate=duplicate,
            body_hash=sha256(entry.body),
            tree_size=len(self.entries),
        )

    def of(self, kind: EntryKind) -> list[NewEntry]:
        """Entries of a kind."""
        return [entry for entry in self.entries if entry.kind == kind]


class MemoryKeeper:
    """The stores in memory."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self.refused: list[Refused] = []
        self.rows: dict[bytes, Quarantined] = {}
        self.indexes: dict[bytes, int] = {}
        self.evidences: dict[tuple[bytes, bytes], Evidence] = {}
        self.evidence_indexes: dict[tuple[bytes, bytes], int] = {}
        self.registered: set[str] = set()
        self.on_hold: set[str] = set()
        self.acked = True
        self.claims: dict[bytes, RefundClaim] = {}
        self.taken = Taken.UNJUDGED
        self._ledger = ledger

    async def refuse(self, refused: Refused) -> None:
        """Keep."""
        self.refused.append(refused)

    async def recent_refusals(self, since: datetime) -> list[tuple[str, str, datetime]]:
        """Those after the moment."""
        return [(one.token_uid, one.token_tin, one.at) for one in self.refused if one.at > since]

    async def quarantine(self, package: Quarantined) -> InQuarantine:
        """The first package of an act stays."""
        kept = self.rows.setdefault(package.act_hash, package)
        return InQuarantine(kept.body_hash, kept.body, kept.verdict, self.indexes.get(package.act_hash), "received")

    async def number_quarantined(self, act_hash: bytes, entry_index: int) -> None:
        """Note the index."""
        self.indexes[act_hash] = entry_index

    async def evidence(self, evidence: Evidence) -> int | None:
        """Keep once."""
        key = evidence.act_hash, evidence.body_hash
        self.evidences.setdefault(key, evidence)
        return self.evidence_indexes.get(key)

    async def number_evidence(self, act_hash: bytes, body_hash: bytes, entry_index: int) -> None:
        """Note the index."""
        self.evidence_indexes[act_hash, body_hash] = entry_index

    async def document(self, requested_by: str, signed_by: str, ordinal: int) -> LedgerDocument | None:
        """Out of the ledger in memory."""
        for index, entry in enumerate(self._ledger.entries):
            number = entry.kind, entry.device, entry.se_total
            if number == (EntryKind.DOCUMENT, (requested_by, signed_by), ordinal):
                return LedgerDocument(
                    index=index,
                    verdict=entry.verdict,
                    act_hash=entry.act_hash,
                    body_hash=sha256(entry.body),
                    media_type=entry.media_type,
                    body=entry.body,
                    salt=b"",
                    record=b"",
                    leaf=b"",
                    acked=self.acked,
                )
        return None

    async def take(self, claim: RefundClaim, at: datetime) -> Taken:
        """Remember it."""
        self.claims[claim.act_hash] = claim
        return self.taken

    async def hold(self, uid: str, at: datetime) -> None:
        """Remember who is on hold."""
        self.on_hold.add(uid)

    async def is_registered(self, uid: str) -> bool:
        """Whether the database has what memory has not."""
        return uid in self.registered


@attrs.define(slots=True)
class Bench:
    """An intake, a card of the taxpayer who sends, and all that stands behind."""

    card: Card
    other: Card
    directory: MemoryDirectory
    ledger: MemoryLedger
    keeper: MemoryKeeper
    unwrap: MemoryUnwrap
    rules: PackageRules
    intake: Intake

    async def submit(self, body: bytes, at: datetime = NOW, *, sender: Card | None = None) -> PackageAnswer:
        """Submit with the token of `sender`, by default that of the card."""
        card = sender or self.card
        return await self.intake.submit_package(body, token_uid=card.uid, token_tin=card.tin, received_at=at)

    async def submit_plain(self, plain: bytes, at: datetime = NOW) -> PackageAnswer:
        """Seal any JSON and submit it."""
        return await self.submit(seal(plain, self.card.encryption_key), at)

    def put(self, card: Card, **changes: Any) -> None:
        """Change what the registry says of a card."""
        self.directory.entries[card.uid] = card.entry(**changes)


def make_bench(
    keys: list[PrivateKey],
    country: CountryPack,
    *,
    enabled: bool = True,
    uniform_seconds: float = 0.0,
    in_work_most: int = 64,
) -> Bench:
    """A bench with two taxpayers' cards; `enabled` switches the budget of failures."""
    authority, first, second, _ = keys
    card = Card("ABCD1234", "123456789", first, authority.public)
    other = Card("WXYZ9876", "987654321", second, authority.public)
    directory, ledger = MemoryDirectory(), MemoryLedger()
    keeper, unwrap = MemoryKeeper(ledger), MemoryUnwrap(authority)
    rules = PackageRules(
        directory=directory,
        rates=Rates((rate_group(),)),
        unwrap=unwrap,
        pack=country,
        zone=ZoneInfo(country.time_zone),
    )
    policy = IntakePolicy(
        budget=BudgetPolicy(enabled=enabled), uniform_seconds=uniform_seconds, in_work_most=in_work_most
    )
    bench = Bench(card, other, directory, ledger, keeper, unwrap, rules, Intake(rules, ledger, keeper, policy))
    bench.put(card)
    bench.put(other)
    return bench


def reference_pack() -> CountryPack:
    """The pack AQ."""
    return parse_pack(PACK.read_bytes(), "pack.toml")


def four_keys() -> list[PrivateKey]:
    """The authority's, two cards', a stranger's."""
    return [generate_rsa_key() for _ in range(4)]
