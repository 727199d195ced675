"""What stands against a re-admission that two officers approved: bytes that were exchanged, a sale booked already."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import psycopg
import pytest
from decision_bench import ACTIVE, HOLD, Bench
from public_live import live_country, now

from benchmarks.package_maker import sale, seal
from tallystick.authority.intake.held import Held, HeldState
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.wire.audit_data import write_audit_data


@pytest.fixture
def bench(database: str, tmp_path: Path) -> Iterator[Bench]:
    with live_country(database, tmp_path) as country, psycopg.connect(as_role(database, INTAKE)) as worker:
        yield Bench(country, tmp_path / "sequencer", worker)


def only_held(bench: Bench) -> Held:
    bench.country.loop.run(bench.country.live.shown())
    (held,) = bench.waiting()
    bench.worker.commit()
    return held


def exchange(bench: Bench, held: Held, column: str, value: object) -> None:
    """What one with all rights over the tables can do, triggers switched off."""
    with psycopg.connect(bench.country.dsn) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute(
            f"UPDATE intake.quarantine SET {column} = %s WHERE act_hash = %s".encode(), [value, held.act_hash]
        )


def test_bytes_that_were_exchanged_in_quarantine_are_not_booked(bench: Bench) -> None:
    """The other invoice is lawful too: only the act that the officers decided upon tells them apart."""
    bench.state(HOLD)
    bench.send()
    held = only_held(bench)
    request, result = bench.card.invoice(sale(), now())
    bench.state(ACTIVE)
    exchange(bench, held, "body", write_audit_data(request, result))
    kinds = bench.leaves()
    after = bench.decide(held)
    assert (after.state, after.hindrance) == (HeldState.RECEIVED, "TS-3041: the kept bytes are of another act")
    exchange(bench, held, "entry_index", 10**6)
    after = bench.decide(held)
    assert after.hindrance == "TS-3041: its arrival has no entry in the ledger yet"
    assert bench.leaves() == kinds


def test_a_sale_that_was_booked_meanwhile_with_another_unsigned_part_is_not_taken_for_the_kept_one(
    bench: Bench,
) -> None:
    bench.state(HOLD)
    request, result = bench.card.invoice(sale(), now())
    assert bench.again(seal(write_audit_data(request, result), bench.card.encryption_key)) != 0
    held = only_held(bench)
    bench.state(ACTIVE)
    other = write_audit_data(request, attrs.evolve(result, journal="another paper"))
    assert bench.again(seal(other, bench.card.encryption_key)) == 4
    after = bench.decide(held)
    assert (after.state, after.document_index) == (HeldState.RECEIVED, None)
    assert after.hindrance == "TS-3041: the act is booked with another unsigned part"
