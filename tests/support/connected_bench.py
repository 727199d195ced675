"""Devices of the national channels for tests: a taxpayer of their own, an agreement, and the view of the intake."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

from cards import NOW
from pki_bench import PkiBench

from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.agreements import operations as agreements
from tallystick.authority.reference.following import refresh_all
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry import queries
from tallystick.authority.reference.registry.national_devices import NationalDirectory
from tallystick.authority.reference.registry.values import Taxpayer
from tallystick.kernel.identifiers import Tin
from tallystick.ops.national_views import national_views

ANNA = Person("anna", "shell:anna")
_TINS = itertools.count(700_000_001)


def fresh_tin(bench: PkiBench) -> Tin:
    """A registered taxpayer that no other test has."""
    tin = Tin(str(next(_TINS)))
    registry.register_taxpayer(bench.conn, Taxpayer(tin, f"Grocers {tin}"))
    bench.conn.commit()
    return tin


def conclude(
    bench: PkiBench, tin: str, *, since: datetime = NOW - timedelta(days=30), until: datetime | None = None
) -> str:
    """An agreement of that taxpayer; its number."""
    number = f"A-{tin}-{since:%m%d%H%M}"
    agreements.conclude(bench.conn, queries.taxpayer, number, tin, since, until, ANNA, NOW)
    bench.conn.commit()
    return number


class Watch:
    """The intake's view, with a clock that a test sets."""

    def __init__(self, bench: PkiBench) -> None:
        self.bench, self.now = bench, NOW
        self.directory, self._views = national_views(lambda: self.now)
        self.look()

    def look(self) -> NationalDirectory:
        """Refresh, incrementally."""
        refresh_all(self.bench.conn, self._views)
        self.bench.conn.commit()
        return self.directory
