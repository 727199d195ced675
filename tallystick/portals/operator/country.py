"""The country in figures: what each room says about itself, read on one connection."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs
import psycopg

from tallystick.authority.intake import queries as intake
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.projections.audit import queries as audit
from tallystick.authority.projections.audit.values import AuditOverview, MissingOrdinals
from tallystick.authority.reference.commands import queries as commands
from tallystick.authority.reference.commands.values import CommandsOverview
from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.reference.registry.values import RegistryOverview

WAITING_CARDS_SHOWN = 20


@attrs.frozen(slots=True, kw_only=True)
class Country:
    """Everything that the live page shows. ``missing`` counts ordinals below each device's highest one."""

    at: datetime
    ledger: ledger.LedgerOverview
    missing: int
    devices_heard: int
    registry: RegistryOverview
    commands: CommandsOverview
    audit: AuditOverview
    waiting_cards: tuple[MissingOrdinals, ...]
    intake: intake.IntakeOverview
    checkpoint: str


def read_country(connection: psycopg.Connection[Any], now: datetime) -> Country:
    """Ask every room."""
    missing, devices_heard = ledger.count_missing(connection)
    return Country(
        at=now,
        ledger=ledger.overview(connection, now),
        missing=missing,
        devices_heard=devices_heard,
        registry=registry.overview(connection),
        commands=commands.overview(connection),
        audit=audit.overview(connection, now),
        waiting_cards=tuple(audit.missing_by_card(connection, WAITING_CARDS_SHOWN)),
        intake=intake.overview(connection, now),
        checkpoint=bytes(ledger.newest_checkpoint(connection)).decode("utf-8", "replace"),
    )
