"""What shows that a document kept apart is older than its signer's revocation (K-05).

The document itself says when it was signed, and a thief can set a clock. An anchor is a moment of ours by which the
card had certainly signed it: its own entry in the ledger, whose time a checkpoint covers, or anything of the same card
with a higher counter, for a card never goes back. Timestamps (RFC 3161) are no part of packages on this wire.

A national document is more: each one holds the hash of the one before it. There a link of the chain that came to us
shows every document under it, whoever sent it, and a number alone shows nothing.

Counters speak only for a card that is one and whole: whoever holds its key signs under any number that is still free.
Where two documents of a signer bear one number, they are no anchors any more; where the key is said to be compromised,
officers are told what the anchor supposes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import attrs

from tallystick.authority.intake import store
from tallystick.authority.intake.held import Held
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.reference.registry.values import COMPROMISED
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import from_unix_ms
from tallystick.wire.document_jws import MEDIA_TYPE


class AnchorKind(StrEnum):
    """Kinds of anchors."""

    OWN_ENTRY = "its own entry in the ledger"
    LATER_DOCUMENT = "a later document of the card"
    CARD_COUNTER = "the card's own counter at an audit"
    CHAIN = "a later link of its device's chain"


@attrs.frozen(slots=True)
class Anchor:
    """By ``at`` the document had been signed; ``index`` is the entry that shows it, none for a card's request."""

    kind: AnchorKind
    at: datetime
    index: int | None = None

    @property
    def supposes_intact_card(self) -> bool:
        """Whether it rests on the counter of the card, and not on our own clock alone."""
        return self.kind in (AnchorKind.LATER_DOCUMENT, AnchorKind.CARD_COUNTER)

    def __str__(self) -> str:
        """One line for people."""
        entry = f", entry {self.index}" if self.index is not None else ""
        return f"{self.kind}{entry}, {self.at:%Y-%m-%d %H:%M:%S} UTC"


class CardCounters(Protocol):
    """What is known of devices beside ledger and quarantine."""

    def counted_by(self, conn: Connection, uid: str, ordinal: int) -> datetime | None:
        """When a request of the card first said that its counter had reached the ordinal; none when never."""

    def chained_by(self, conn: Connection, uid: str, act_hash: bytes) -> datetime | None:
        """When something came that holds the hash of a national document in its chain; none when nothing did."""

    def chained(self, conn: Connection, uid: str) -> Mapping[bytes, datetime]:
        """The same of all documents of a device that lie apart, by act hash."""

    def is_coming(self, conn: Connection, uid: str, first: int, last: int) -> bool:
        """Whether a batch that is not booked yet holds a document of a device with one of these numbers."""


@attrs.frozen(slots=True)
class Standing:
    """Whether a document may be re-admitted as far as its signer goes; ``anchors`` are the oldest of each kind.

    ``is_doubled``: two documents under one number were seen of it, so that it is there twice. ``is_compromised``: its
    revocation says that others may have its key.
    """

    revoked_at: datetime | None
    anchors: tuple[Anchor, ...]
    is_doubled: bool = False
    is_compromised: bool = False

    @property
    def best(self) -> Anchor | None:
        """The anchor that is older than the revocation; none where none is."""
        trusted = [one for one in self.anchors if not (self.is_doubled and one.supposes_intact_card)]
        older = [one for one in trusted if self.revoked_at is None or one.at < self.revoked_at]
        return min(older, key=lambda one: (one.supposes_intact_card, one.at), default=None)

    @property
    def doubt(self) -> str:
        """What officers must know about the best anchor, one sentence; empty where there is nothing to say."""
        if self.is_doubled:
            return "two documents of this signer bear one number: its counters prove nothing"
        best = self.best
        if self.revoked_at is None or best is None or not best.supposes_intact_card or not self.is_compromised:
            return ""
        return "its key may be in other hands, and they can sign under any number that is free: compare the paper"

    def check(self) -> None:
        """Raises ``TS-3040`` for a revoked signer without an anchor."""
        if self.revoked_at is not None and self.best is None:
            why = f"; {self.doubt}" if self.doubt else ""
            raise Fault("TS-3040", detail=f"the signer was revoked at {self.revoked_at:%Y-%m-%d %H:%M:%S} UTC{why}")


def standing(conn: Connection, counters: CardCounters, held: Held) -> Standing:
    """What is known now of a document's age and its signer's revocation, that of a POS behind a hosted signer too."""
    entry = ledger.document_by_index(conn, held.entry_index) if held.entry_index is not None else None
    anchors = _own_entry(entry)
    if entry is not None and entry.media_type == MEDIA_TYPE:
        chained = counters.chained_by(conn, held.signed_by, held.act_hash)
        if chained is not None:
            anchors.append(Anchor(AnchorKind.CHAIN, chained))
    else:
        anchors += _later_document(conn, held)
        counted = counters.counted_by(conn, held.signed_by, held.ordinal)
        if counted is not None:
            anchors.append(Anchor(AnchorKind.CARD_COUNTER, counted))
    revoked_at, is_compromised = _revocation(conn, {held.signed_by, held.requested_by})
    return Standing(revoked_at, tuple(anchors), store.is_doubled(conn, held.signed_by), is_compromised)


def older(
    conn: Connection, counters: CardCounters, uid: str, arrived: Iterable[tuple[bytes, datetime]]
) -> tuple[datetime | None, int]:
    """When a signer was revoked, and how many of its documents that lie apart are older by their arrival or by a later
    link; all of them where it is not revoked. For people: `standing` knows more about each."""
    documents, (revoked_at, _) = list(arrived), _revocation(conn, {uid})
    if revoked_at is None:
        return None, len(documents)
    chained = counters.chained(conn, uid)
    return revoked_at, sum(min(at, chained.get(act, at)) < revoked_at for act, at in documents)


def _own_entry(entry: ledger.LedgerDocument | None) -> list[Anchor]:
    if entry is None or not entry.acked:
        return []
    return [Anchor(AnchorKind.OWN_ENTRY, _received(entry), entry.index)]


def _later_document(conn: Connection, held: Held) -> list[Anchor]:
    index = ledger.first_index_beyond(conn, held.signed_by, held.ordinal)
    entry = ledger.document_by_index(conn, index) if index is not None else None
    if entry is None or not entry.acked:
        return []
    return [Anchor(AnchorKind.LATER_DOCUMENT, _received(entry), entry.index)]


def _received(entry: ledger.LedgerDocument) -> datetime:
    return from_unix_ms(int(entry.facts.received_at))


def _revocation(conn: Connection, uids: set[str]) -> tuple[datetime | None, bool]:
    """The earliest of them, and whether one says that others may have the key."""
    entries = [entry for uid in uids if (entry := registry.secure_element(conn, uid)) is not None]
    revoked = [(entry.revoked_at, entry.revocation_reason) for entry in entries if entry.revoked_at is not None]
    for uid in uids:
        revoked += [(one.revoked_at, one.reason) for one in registry.device_revocations(conn, uid)]
    moments = [moment for moment, _ in revoked]
    is_compromised = any(reason in COMPROMISED for _, reason in revoked)
    return min(moments, default=None), is_compromised
