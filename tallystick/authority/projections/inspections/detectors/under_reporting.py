"""D-UND: was everything that was sold also numbered, sent and audited? Trusts everything but the taxpayer.

Registers off line for too long, silent devices, unaudited sums, documents that buyers hold and the ledger has not,
papers that show another total than was signed, taxes that do not follow from the items, refunds by cards of more than
was left of their original (S0-059), and cards whose sum is not that of their documents (TS-1405).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import attrs

from tallystick.authority.projections.inspections import fold_store, store
from tallystick.authority.projections.inspections.fold import fold
from tallystick.authority.projections.inspections.ports import (
    Audits,
    KeptApart,
    OfflineMatters,
    Refunds,
    Signers,
    WaitingAudit,
)
from tallystick.authority.projections.inspections.reading import Pace, next_span
from tallystick.authority.projections.inspections.values import CaseKind, DetectorName, Evidence, Sighting
from tallystick.authority.room_queries import Connection
from tallystick.kernel.inspections import InspectionLimits

DUE_MOST = 200


@attrs.frozen(slots=True)
class UnderReporting:
    """Folds documents into habits and sums, and asks what has become due. ``card_limit`` is the country's (x 10000)."""

    audits: Audits
    apart: KeptApart
    signers: Signers
    limits: InspectionLimits
    card_limit: int
    offline: OfflineMatters
    refunds: Refunds
    name: DetectorName = DetectorName.UNDER_REPORTING
    _pace: Pace = attrs.field(factory=Pace, init=False)

    def findings(self, conn: Connection, at: datetime) -> Iterator[Evidence]:
        """New documents, and what has become due since the last look."""
        new = next_span(conn, "D-UND new", self._pace)
        high = self.card_limit * self.limits.unaudited_percent // 100
        yield from fold(conn, new.first, new.last, self.limits, high, self.signers.device_numbers, self.refunds)
        yield from self.offline.take(conn, DUE_MOST)
        if not new.is_all:
            return  # a backlog: what is still to be read may be what lacks
        yield from self._silent(conn, at)
        yield from self._unaudited(conn, at)
        yield from self._seen_by_buyers(conn, at)
        yield from (_contradiction(one) for one in self.audits.waiting(conn) if one.difference)

    def holds(self, conn: Connection, evidence: Evidence, at: datetime) -> bool:
        """Look again at the very thing; what a sealed document says stays said."""
        requested_by, _, signed_by = evidence.device.partition("-")
        standing = fold_store.standing(conn, (requested_by, signed_by))
        if evidence.kind is CaseKind.DEVICE_SILENT:
            same = standing is not None and str(standing[0]) == evidence.facts["lastHour"]
            return same and self.signers.sells(conn, requested_by)
        if evidence.kind is CaseKind.UNAUDITED:
            return standing is not None and str(standing[1]) == evidence.facts["auditedUpTo"] and standing[2] > 0
        if evidence.kind is CaseKind.SEEN_BY_BUYER:
            act_hash, ordinal = bytes.fromhex(evidence.facts["act"]), int(evidence.facts["ordinal"])
            return not self._arrived(conn, requested_by, signed_by, ordinal, act_hash)
        if evidence.kind is CaseKind.CARD_SUM_DIFFERS:
            waiting = {(one.uid, str(one.total_counter)) for one in self.audits.waiting(conn) if one.difference}
            return (evidence.matter, evidence.facts["totalCounter"]) in waiting
        return True

    def _silent(self, conn: Connection, at: datetime) -> Iterator[Evidence]:
        for key, tin, last_hour in fold_store.silent(conn, at, DUE_MOST):
            fold_store.told_silent(conn, key)
            if self.signers.sells(conn, key[0]):
                yield Evidence(
                    kind=CaseKind.DEVICE_SILENT,
                    matter="-".join(key),
                    item=f"since hour {last_hour}",
                    tin=tin,
                    device="-".join(key),
                    facts={"lastHour": str(last_hour), "usualHours": str(self.limits.silent_hours)},
                )

    def _unaudited(self, conn: Connection, at: datetime) -> Iterator[Evidence]:
        for key, tin, audited_up_to, amount, oldest_at in fold_store.unaudited(conn, at, DUE_MOST):
            fold_store.told_unaudited(conn, key)
            yield Evidence(
                kind=CaseKind.UNAUDITED,
                matter="-".join(key),
                item=f"after number {audited_up_to}",
                tin=tin,
                device="-".join(key),
                amount=amount,
                facts={
                    "auditedUpTo": str(audited_up_to),
                    "oldest": oldest_at.isoformat(timespec="seconds") if oldest_at else "",
                },
            )

    def _seen_by_buyers(self, conn: Connection, at: datetime) -> Iterator[Evidence]:
        for seen, first_at, times in store.due_sightings(conn, at - self.limits.arrival, DUE_MOST):
            if seen.differs:
                store.told_sighting(conn, seen.act_hash)
                yield _code_differs(seen, first_at, times)
                continue
            if self._arrived(conn, seen.requested_by, seen.signed_by, seen.ordinal, seen.act_hash):
                store.forget_sighting(conn, seen.act_hash)
                continue
            store.told_sighting(conn, seen.act_hash)
            device = f"{seen.requested_by}-{seen.signed_by}"
            facts = {
                "act": seen.act_hash.hex(),
                "firstShown": first_at.isoformat(timespec="seconds"),
                "issued": seen.issued_at.isoformat(timespec="seconds"),
                "ordinal": str(seen.ordinal),
                "times": str(times),
            }
            yield Evidence(
                kind=CaseKind.SEEN_BY_BUYER,
                matter=device,
                item=f"number {seen.ordinal}, act {seen.act_hash.hex()[:16]}",
                tin=seen.tin,
                device=device,
                amount=seen.amount,
                facts=facts,
            )

    def _arrived(self, conn: Connection, requested_by: str, signed_by: str, ordinal: int, act_hash: bytes) -> bool:
        """Whether that very document is booked, or one of its number is kept apart for a decision."""
        if store.act_of_number(conn, requested_by, signed_by, ordinal) == act_hash:
            return True
        return bool(self.apart.ordinals(conn, signed_by, ordinal, ordinal))


def _code_differs(seen: Sighting, first_at: datetime, times: int) -> Evidence:
    """A paper that shows other figures than were reported under the very signature that it carries."""
    device = f"{seen.requested_by}-{seen.signed_by}"
    return Evidence(
        kind=CaseKind.CODE_DIFFERS,
        matter=device,
        item=f"number {seen.ordinal}, code {seen.act_hash.hex()[:16]}",
        tin=seen.tin,
        device=device,
        amount=seen.amount,
        facts={
            "act": seen.booked_act.hex(),
            "differs": seen.differs,
            "firstShown": first_at.isoformat(timespec="seconds"),
            "issued": seen.issued_at.isoformat(timespec="seconds"),
            "ordinal": str(seen.ordinal),
            "times": str(times),
        },
    )


def _contradiction(audit: WaitingAudit) -> Evidence:
    return Evidence(
        kind=CaseKind.CARD_SUM_DIFFERS,
        matter=audit.uid,
        item=f"audit up to {audit.total_counter}",
        device=f"{audit.uid}-{audit.uid}",
        amount=abs(audit.difference),
        facts={"totalCounter": str(audit.total_counter), "difference": str(audit.difference)},
    )
