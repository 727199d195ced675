"""K-05: many documents of a card; what asks for a look at the paper is not booked by a decision about many."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from decision_bench import REASON, REVOKED, Bench
from public_live import live_country, now

from benchmarks.package_maker import sale
from tallystick.authority.intake import deciding_many, decision_store, many, many_store
from tallystick.authority.intake.held import Decision, HeldState
from tallystick.authority.oversight.approvals.values import PORTAL, Person
from tallystick.authority.projections.audit.counters import AuditedCounters
from tallystick.ops.schema import roles
from tallystick.ops.schema.roles import INTAKE, as_role


@pytest.fixture
def bench(database: str, tmp_path: Path) -> Iterator[Bench]:
    with live_country(database, tmp_path) as country, psycopg.connect(as_role(database, INTAKE)) as worker:
        yield Bench(country, tmp_path / "sequencer", worker)


@pytest.mark.soak
def test_k_05_a_compromised_card_s_documents_are_looked_at_one_by_one(bench: Bench) -> None:
    """A later counter shows their age if the key was in one hand alone; nobody has compared the paper of many."""
    revoked_at = now() + timedelta(seconds=1)
    early = [bench.card.invoice(sale(), revoked_at + timedelta(hours=1)) for _ in range(2)]
    assert bench.send()[0] == 4
    bench.country.loop.run(bench.country.live.shown())
    while now() <= revoked_at:
        threading.Event().wait(0.05)
    bench.state(REVOKED, revoked_at)
    for request, result in early:
        assert bench.country.send(request, result) == 6
    bench.country.loop.run(bench.country.live.shown())

    def decided() -> many_store.Progress:
        with psycopg.connect(as_role(bench.country.dsn, roles.PORTAL)) as conn:
            seen = many.look(conn, AuditedCounters(), bench.card.uid)
            number = many.ask(conn, Person("vera", PORTAL), seen, Decision.READMIT, REASON, now())
        bench.approve(number)
        while deciding_many.begin(bench.worker, now) or deciding_many.go_on(bench.worker, bench.services(), now):
            continue
        found = max(many_store.newest(bench.worker, 9), key=lambda one: one.request_id)
        bench.worker.commit()
        return found

    reason = "UPDATE registry.revoked_certificate SET reason = %s WHERE uid = %s"
    with psycopg.connect(bench.country.dsn) as owner:
        owner.execute(reason, [1, bench.card.uid])
    far = decided()
    assert (far.done, far.left_waiting, far.codes) == (0, 2, {"TS-3041": 2})
    assert "officers must look" in far.hindrance
    with psycopg.connect(bench.country.dsn) as owner:
        owner.execute(reason, [4, bench.card.uid])
    far = decided()
    assert (far.done, far.left_waiting) == (2, 0)
    assert [one.state for one in decision_store.decided(bench.worker, 9)] == [HeldState.READMITTED] * 2
    bench.check()
