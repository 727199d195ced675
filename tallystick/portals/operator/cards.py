"""The figures of the live page as cards: a name, a figure, a word of explanation, and whether it calls for somebody."""

from __future__ import annotations

import attrs

from tallystick.portals.operator.country import Country

GOOD, BAD = "good", "bad"
VISIBLE_WITHIN_MS = 1000


@attrs.frozen(slots=True)
class Card:
    """One figure; ``state`` is ``good``, ``bad`` or empty."""

    name: str
    figure: str
    more: str = ""
    state: str = ""


@attrs.frozen(slots=True)
class Group:
    """Cards under one heading."""

    title: str
    cards: tuple[Card, ...]


def groups_of(country: Country) -> tuple[Group, ...]:
    """All cards, in the order of the page."""
    return (
        Group("Receipts", _receipts(country)),
        Group("Backlog", _backlog(country)),
        Group("Devices", _devices(country)),
        Group("Audit cycles", _audit(country)),
        Group("Refused and kept apart", _kept(country)),
        Group("Ledger", _ledger(country)),
    )


def _receipts(country: Country) -> tuple[Card, ...]:
    figures = country.ledger
    slow = figures.wait_p99_ms is not None and figures.wait_p99_ms >= VISIBLE_WITHIN_MS
    measured = figures.wait_p99_ms is not None
    return (
        Card("Documents a second", f"{figures.documents_per_second:,.1f}", "in the last minute"),
        Card("Half are visible within", _milliseconds(figures.wait_p50_ms), "from receipt to commit"),
        Card(
            "99 of 100 within",
            _milliseconds(figures.wait_p99_ms),
            f"should be under {VISIBLE_WITHIN_MS:,} ms",
            (BAD if slow else GOOD) if measured else "",
        ),
        Card("Newest document", _ago(country), "since it was committed"),
    )


def _backlog(country: Country) -> tuple[Card, ...]:
    missing = country.missing
    return (
        Card(
            "Documents missing",
            f"{missing:,}",
            f"gaps in the numbering of {country.devices_heard:,} devices",
            BAD if missing else GOOD,
        ),
        Card("Commands outstanding", f"{country.commands.outstanding:,}", f"{country.commands.failed:,} failed so far"),
        Card("Proofs in preparation", f"{country.audit.waiting:,}", "audit requests not decided yet"),
    )


def _devices(country: Country) -> tuple[Card, ...]:
    registry = country.registry
    return (
        Card("Taxpayers", f"{registry.taxpayers:,}"),
        Card("Secure elements", f"{registry.secure_elements:,}", f"{registry.active:,} active"),
        Card("On hold", f"{registry.hold:,}"),
        Card("Revoked", f"{registry.revoked:,}"),
        Card("Closed", f"{registry.closed:,}"),
    )


def _audit(country: Country) -> tuple[Card, ...]:
    audit = country.audit
    return (
        Card("Cycles open", f"{audit.open_cycles:,}", f"{audit.ended_cycles:,} ended"),
        Card("Proofs given", f"{audit.proofs:,}", f"{audit.executed:,} executed by cards"),
        Card(
            "Waiting for documents",
            f"{audit.incomplete:,}",
            "proofs with holes below",
            BAD if audit.incomplete else GOOD,
        ),
        Card(
            "Sums contradict",
            f"{audit.contradicting:,}",
            "card and ledger differ",
            BAD if audit.contradicting else GOOD,
        ),
        Card(
            "Overrides pending",
            f"{audit.overrides_pending:,}",
            "wait for a second officer",
            BAD if audit.overrides_pending else GOOD,
        ),
    )


def _kept(country: Country) -> tuple[Card, ...]:
    intake = country.intake
    return (
        Card("Refused", f"{intake.refused_lately:,}", f"in 24 hours, {intake.refused:,} kept"),
        Card("In quarantine", f"{intake.quarantined:,}", "signed, to be decided", BAD if intake.quarantined else GOOD),
        Card("Evidence", f"{intake.evidence:,}", "two documents, one number", BAD if intake.evidence else GOOD),
    )


def _ledger(country: Country) -> tuple[Card, ...]:
    ledger = country.ledger
    signed = country.checkpoint.split("\n")[1] if country.checkpoint.count("\n") > 1 else "0"
    return (
        Card("Entries", f"{ledger.size:,}"),
        Card("Bytes", _bytes(ledger.bytes), "bodies, records and leaves"),
        Card("Entries signed", f"{int(signed):,}", "in the newest checkpoint"),
    )


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"


def _ago(country: Country) -> str:
    if country.ledger.newest_at is None:
        return "–"
    seconds = max(0, int((country.at - country.ledger.newest_at).total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60:,} min" if seconds < 7200 else f"{seconds // 3600:,} h"


def _bytes(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} B"
