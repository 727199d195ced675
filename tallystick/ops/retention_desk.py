"""Retention from a shell of the authority's machine, as the worker's role does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

import attrs
import psycopg

from tallystick.authority.projections.retention import operations
from tallystick.authority.projections.retention.operations import Due
from tallystick.kernel.retention import RetainedKind, RetentionRules
from tallystick.ops.database import open_database
from tallystick.ops.override_desk import shell_account
from tallystick.ops.packs import load_pack
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder


@attrs.frozen(slots=True)
class RetentionDesk:
    """What one shell may do: look, and do now what the worker does each hour."""

    dsn: str
    rules: RetentionRules
    came_from: str
    clock: Callable[[], datetime]

    def due(self) -> list[Due]:
        """Every kind as it stands; nothing goes."""
        with psycopg.connect(self.dsn) as conn:
            return list(operations.due(conn, self.rules, self.clock()))

    def carry_out(self) -> dict[RetainedKind, int]:
        """Remove what has had its time; how many of each kind."""
        with psycopg.connect(self.dsn) as conn:
            return operations.carry_out(conn, self.rules, self.came_from, self.clock())


@contextmanager
def open_retention(settings: Settings, clock: Callable[[], datetime]) -> Iterator[RetentionDesk]:
    """The desk of whoever runs this process; raises ``SettingsError`` when there is no database."""
    rules = load_pack(settings.country).retention
    with open_database(settings, StateFolder.of(settings.state)) as owner:
        yield RetentionDesk(as_role(owner, INTAKE), rules, f"shell:{shell_account()}", clock)
