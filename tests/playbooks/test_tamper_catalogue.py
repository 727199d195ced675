"""The tamper catalogue on a small ledger of documents that real cards signed: who must notice does, and nobody else's
ledger is accused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from signed_ledger import ORIGIN, SignedLedger

from tallystick.authority.oversight.activity.operations import record
from tallystick.authority.oversight.activity.values import Act
from tallystick.simulation.tampering.catalogue import CATALOGUE, Manipulation
from tallystick.simulation.tampering.drill import Drill

SALES = 72
ACTS = 5


@pytest.fixture(scope="module")
def signed(_hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedLedger]:
    """Three cards of two taxpayers, six days, and some acts of officers."""
    with psycopg.connect(make_conninfo(_hasty_server, dbname="postgres"), autocommit=True) as administrator:
        administrator.execute("CREATE DATABASE signed TEMPLATE tallystick STRATEGY file_copy")
        ledger = SignedLedger.make(tmp_path_factory.mktemp("signed"), make_conninfo(_hasty_server, dbname="signed"))
        ledger.book(ledger.sales(SALES, since=datetime.now(UTC) - timedelta(days=7)), register=True)
        with psycopg.connect(ledger.ledger.dsn) as connection:
            for number in range(ACTS):
                record(connection, Act(at=datetime.now(UTC), actor=f"officer:o{number}", verb="person.read"))
        yield ledger
        administrator.execute("DROP DATABASE signed WITH (FORCE)")


@pytest.fixture(scope="module")
def drill(signed: SignedLedger, _hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """A drill that is ready: its honest copy was looked at and nobody complained."""
    administrator = make_conninfo(_hasty_server, dbname="postgres")
    folder, root = tmp_path_factory.mktemp("drill"), signed.pki.files.root
    with Drill(administrator, folder, ORIGIN, (root,), signed.issuers) as ready:
        honest = ready.prepare(signed.ledger.dsn)
        assert honest.is_good
        assert not honest.fired
        yield ready


@pytest.mark.parametrize("manipulation", CATALOGUE, ids=lambda one: str(one.name))
def test_s0_004_s0_041_whoever_must_notice_does(drill: Drill, manipulation: Manipulation) -> None:
    result = drill.attempt(manipulation, only=manipulation.must)
    assert result.is_good, f"silent: {sorted(result.missed)}; said: {result.fired}"
