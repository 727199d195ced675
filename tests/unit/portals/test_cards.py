"""The live page's cards out of made-up figures: what calls for somebody says so in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from tallystick.authority.intake.queries import IntakeOverview
from tallystick.authority.ledger.queries import LedgerOverview
from tallystick.authority.projections.audit.values import AuditOverview
from tallystick.authority.reference.commands.values import CommandsOverview
from tallystick.authority.reference.registry.values import RegistryOverview
from tallystick.portals.operator.cards import BAD, GOOD, Card, groups_of
from tallystick.portals.operator.country import Country

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
CALM = Country(
    at=NOW,
    ledger=LedgerOverview(
        size=3_000_000,
        bytes=1_234_567_890,
        documents_per_second=812.34,
        newest_at=NOW - timedelta(seconds=3),
        wait_p50_ms=12.4,
        wait_p95_ms=40.0,
        wait_p99_ms=88.6,
    ),
    missing=0,
    devices_heard=20,
    registry=RegistryOverview(taxpayers=20, secure_elements=23, active=20, hold=1, revoked=1, closed=1),
    commands=CommandsOverview(4, 80, 0),
    audit=AuditOverview(
        open_cycles=5,
        ended_cycles=40,
        waiting=1,
        incomplete=0,
        contradicting=0,
        proofs=41,
        executed=40,
        overrides_pending=0,
    ),
    waiting_cards=(),
    intake=IntakeOverview(refused=7, refused_lately=2, quarantined=0, evidence=0),
    checkpoint="fdo.example/aq/demo\n3000000\nAAAA=\n\n— fdo.example/aq/demo BBBB\n",
)


def card(country: Country, name: str) -> Card:
    """The card of that name."""
    return next(one for group in groups_of(country) for one in group.cards if one.name == name)


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("Documents a second", "812.3"),
        ("Half are visible within", "12 ms"),
        ("99 of 100 within", "89 ms"),
        ("Newest document", "3 s"),
        ("Documents missing", "0"),
        ("Commands outstanding", "4"),
        ("Secure elements", "23"),
        ("Cycles open", "5"),
        ("Proofs given", "41"),
        ("Refused", "2"),
        ("Entries", "3,000,000"),
        ("Bytes", "1.2 GB"),
        ("Entries signed", "3,000,000"),
    ],
)
def test_s0_002_figures_as_a_person_reads_them(name: str, figure: str) -> None:
    assert card(CALM, name).figure == figure


def test_a_calm_country_calls_for_nobody() -> None:
    assert not [one for group in groups_of(CALM) for one in group.cards if one.state == BAD]


@pytest.mark.parametrize(
    ("part", "change", "name"),
    [
        ("ledger", {"wait_p99_ms": 1000.0}, "99 of 100 within"),
        ("audit", {"incomplete": 1}, "Waiting for documents"),
        ("audit", {"contradicting": 1}, "Sums contradict"),
        ("intake", {"quarantined": 1}, "In quarantine"),
        ("intake", {"evidence": 1}, "Evidence"),
    ],
)
def test_what_is_wrong_calls(part: str, change: dict[str, Any], name: str) -> None:
    country = attrs.evolve(CALM, **{part: attrs.evolve(getattr(CALM, part), **change)})
    assert card(CALM, name).state == GOOD
    assert card(country, name).state == BAD
    assert card(country, name).more


def test_missing_documents_call() -> None:
    assert card(attrs.evolve(CALM, missing=3), "Documents missing").state == BAD


def test_an_empty_country_has_figures_too() -> None:
    empty = attrs.evolve(
        CALM,
        ledger=LedgerOverview(
            size=0,
            bytes=0,
            documents_per_second=0.0,
            newest_at=None,
            wait_p50_ms=None,
            wait_p95_ms=None,
            wait_p99_ms=None,
        ),
        checkpoint="",
    )
    figures = {
        name: card(empty, name).figure for name in ("99 of 100 within", "Newest document", "Entries signed", "Bytes")
    }
    assert figures == {"99 of 100 within": "–", "Newest document": "–", "Entries signed": "0", "Bytes": "0 B"}
    assert card(empty, "99 of 100 within").state == ""


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "119 min"), (7200, "2 h")]
)
def test_ages(seconds: int, text: str) -> None:
    ledger = attrs.evolve(CALM.ledger, newest_at=NOW - timedelta(seconds=seconds))
    assert card(attrs.evolve(CALM, ledger=ledger), "Newest document").figure == text
