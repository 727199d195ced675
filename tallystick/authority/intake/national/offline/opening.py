"""Opens a block of documents: everything that can be said of each without knowing what came before it.

Signatures, strict reading, hashes, arithmetic and the ledger's entry take most of the work of a batch and depend on no
order, so they are done in processes of their own. What is left rests on the place, the link and the shift.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any, cast

import attrs

from tallystick.authority.intake.national import judging
from tallystick.authority.intake.national.booking import document_entry
from tallystick.authority.intake.national.checks import NATIONAL_CHECKS
from tallystick.authority.intake.national.offline.segments import STRETCH_MOST, Segment, Single, Stretch
from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.intake.national.standing import Standing
from tallystick.authority.intake.national.values import DocumentInHand, Sender
from tallystick.authority.intake.steps import Step
from tallystick.authority.ledger.entry import Channel
from tallystick.authority.ledger.protocol import write_append
from tallystick.authority.reference.registry.values import NationalDevice
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.signatures import verify_es256
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import device_link
from tallystick.kernel.invoice import TransactionType
from tallystick.kernel.national_document import DocumentKind, Sale
from tallystick.kernel.sales_sum import SalesSum
from tallystick.kernel.shifts import RegisterState
from tallystick.wire.document_jws import SignedDocument, read_signed
from tallystick.wire.national_document import read_document

OF_THE_DOCUMENT = tuple(
    [
        check
        for check in NATIONAL_CHECKS[Channel.ECR_OFFLINE].kept
        if check.step is Step.ARITHMETIC and check.function is not judging.shift_allows_it
    ]
)
"""The checks that look at nothing but the document, the country and its rates."""
_SOLD = frozenset({DocumentKind.RECEIPT, DocumentKind.ACCOUNTABLE_FORM})
_NOWHERE = Standing(0, b"", RegisterState())

Signers = Mapping[bytes, bytes]
"""Public keys (DER) by the hash of the certificate; empty where it is known that no certificate was issued."""


@attrs.frozen(slots=True, kw_only=True)
class Arrival:
    """Who brought a block, when, and the keys of the device that are known. ``device`` is none for a stranger."""

    sender: Sender
    device: NationalDevice | None
    signers: Signers
    received_at: datetime


def opening_rules(pack: CountryPack, zone: tzinfo, origin: str, rates: Any) -> NationalRules:
    """The rules as far as a document alone asks for them: nobody looks at devices, builds or stores here."""
    absent = cast("Any", None)
    return NationalRules(devices=absent, builds=absent, rates=rates, stores=absent, pack=pack, zone=zone, origin=origin)


def open_block(rules: NationalRules, arrival: Arrival, text: bytes) -> list[Segment]:
    """The documents of a block in order; ``text`` has one a line, as a part has.

    Raises what `read_signed` raises: the door takes no part in which that happens.
    """
    found: list[Segment] = []
    open_one: _Stretch | None = None
    for compact in text.removesuffix(b"\n").split(b"\n"):
        signed = read_signed(compact)
        single = _signature(arrival.signers, signed)
        hand = None if single.code or single.unknown else _sale_in_hand(rules, arrival, signed)
        if open_one is not None and (hand is None or not open_one.goes_on(rules, hand)):
            found.append(open_one.closed())
            open_one = None
        if hand is None:
            found.append(single)
        else:
            open_one = open_one or _Stretch.begin(hand)
            open_one.add(rules, hand)
    if open_one is not None:
        found.append(open_one.closed())
    return found


def _signature(signers: Signers, signed: SignedDocument) -> Single:
    spki = signers.get(signed.header.kid)
    if spki is None:
        return Single("", signed.header.kid)
    if not spki:
        return Single("TS-1311")
    try:
        verify_es256(_key(spki), signed.signing_input, signed.signature)
    except Fault as fault:
        return Single(fault.code)
    return Single("")


def _sale_in_hand(rules: NationalRules, arrival: Arrival, signed: SignedDocument) -> DocumentInHand | None:
    """A sale in which nothing is wrong and which refers to nothing; none for all others."""
    header, device = signed.header, arrival.device
    if device is None or header.device != device.uid or header.audience != rules.origin:
        return None
    try:
        hand = DocumentInHand(
            signed=signed,
            document=read_document(signed.payload),
            sender=arrival.sender,
            received_at=arrival.received_at,
            channel=Channel.ECR_OFFLINE,
            standing=_NOWHERE,
            entered=device,
        )
        if not _is_plain(hand):
            return None
        for check in OF_THE_DOCUMENT:
            check.function(rules, hand)
    except Fault:
        return None
    return hand


def _is_plain(hand: DocumentInHand) -> bool:
    document, sale = hand.document, hand.document.sale
    if sale is None or document.kind not in _SOLD:
        return False
    return sale.operation is TransactionType.SALE and sale.refers_to is None


@attrs.define(slots=True)
class _Stretch:
    """A stretch that may go on."""

    signer: bytes
    build: str
    shift: int
    first: int
    previous: bytes
    link: bytes
    first_ms: int
    earliest_ms: int
    latest_ms: int
    last_ms: int
    sales: SalesSum = attrs.field(factory=SalesSum)
    appends: list[bytes] = attrs.field(factory=list)

    @classmethod
    def begin(cls, hand: DocumentInHand) -> _Stretch:
        """Before its first document."""
        header, document, at = hand.header, hand.document, hand.header.time_ms
        return cls(
            signer=header.kid,
            build=document.build,
            shift=document.shift,
            first=header.sequence,
            previous=header.previous,
            link=header.previous,
            first_ms=at,
            earliest_ms=at,
            latest_ms=at,
            last_ms=at,
        )

    def goes_on(self, rules: NationalRules, hand: DocumentInHand) -> bool:
        """Whether the document follows the last one, with nothing that has to be judged anew."""
        header, document = hand.header, hand.document
        window_ms = rules.pack.channels.time_window_seconds * 1000
        return (
            len(self.appends) < STRETCH_MOST
            and (header.kid, document.build, document.shift) == (self.signer, self.build, self.shift)
            and (header.sequence, header.previous) == (self.first + len(self.appends), self.link)
            and header.time_ms >= self.last_ms - window_ms
        )

    def add(self, rules: NationalRules, hand: DocumentInHand) -> None:
        """One document more."""
        header = hand.header
        self.link = device_link(header.previous, header.sequence, hand.signed.body_hash)
        self.last_ms = header.time_ms
        self.earliest_ms = min(self.earliest_ms, header.time_ms)
        self.latest_ms = max(self.latest_ms, header.time_ms)
        self.sales.add(cast("Sale", hand.document.sale))
        self.appends.append(write_append(document_entry(rules, hand)))

    def closed(self) -> Stretch:
        """As it goes to the one who judges the order."""
        return Stretch(
            signer=self.signer,
            first=self.first,
            previous=self.previous,
            link=self.link,
            first_ms=self.first_ms,
            earliest_ms=self.earliest_ms,
            latest_ms=self.latest_ms,
            last_ms=self.last_ms,
            sales=self.sales,
            appends=self.appends,
        )


@lru_cache(maxsize=1_024)
def _key(spki: bytes) -> PublicKey:
    return PublicKey.from_spki(spki)
