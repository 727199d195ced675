"""Officers over an audit bench: two of them in the registry, acting as the portal's role does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import attrs
import psycopg
from audit_live import SETTLE, AuditBench

from tallystick.authority.intake.kept_apart import QuarantineAndEvidence
from tallystick.authority.projections.audit import overrides, queries
from tallystick.authority.projections.audit.standing import Standing
from tallystick.authority.reference.registry.operations import create_user
from tallystick.authority.reference.registry.persons import person
from tallystick.ops.schema.roles import PORTAL, as_role

Result = TypeVar("Result")
Connection = psycopg.Connection[Any]
REASON = "the device burnt with the shop on Friday"


@attrs.frozen(slots=True)
class Office:
    """What officers do at their pages; each call is a transaction of the portal's role."""

    dsn: str

    @classmethod
    def of(cls, dsn: str) -> Office:
        """With the officers vera and omar, a third that left, and an operator who is none."""
        with psycopg.connect(dsn) as conn:
            for name in ("vera", "omar", "gone"):
                create_user(conn, name, "!", name.title(), "officer")
            create_user(conn, "boss", "!", "Operator", "operator")
            conn.execute("UPDATE registry.app_user SET is_active = false WHERE username = 'gone'")
        return cls(dsn)

    def ask(self, by: str, uid: str, at: datetime, *, reason: str = REASON, came_from: str = "portal") -> int:
        """Ask for an override."""
        apart = QuarantineAndEvidence()
        return self.run(lambda conn: overrides.ask(conn, apart, person(conn, by, came_from), uid, reason, at))

    def approve(self, by: str, number: int, at: datetime, *, came_from: str = "portal") -> None:
        """Agree."""
        self.run(lambda conn: overrides.approve(conn, number, person(conn, by, came_from), at))

    def refuse(self, by: str, number: int, at: datetime) -> None:
        """Disagree."""
        self.run(lambda conn: overrides.refuse(conn, number, person(conn, by, "portal"), at))

    def standings(self) -> list[Standing]:
        """What the page shows."""
        return self.run(lambda conn: queries.overrides(conn, QuarantineAndEvidence()))

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """One transaction."""
        with psycopg.connect(as_role(self.dsn, PORTAL)) as conn:
            return work(conn)


async def stuck(bench: AuditBench) -> tuple[Office, list[bytes]]:
    """Six invoices of which 2, 5 and 6 are lost; the card has asked for its proof. The office, and the lost ones."""
    packages = bench.sell(6)
    await bench.deliver(packages[0], packages[2], packages[3])
    assert await bench.ask() == ((2, 2), (5, 6))
    assert (await bench.after(SETTLE)).issued == 0
    return Office.of(bench.live.dsn), [packages[1], packages[4], packages[5]]
