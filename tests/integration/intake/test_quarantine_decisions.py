"""Deciding on quarantine by two officers: what is lawful is booked, once; all else stays where it is (K-05, S0-064)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import psycopg
import pytest
from decision_bench import ACTIVE, HOLD, REVOKED, Bench, fault_of
from public_live import live_country, now

from benchmarks.package_maker import sale, seal
from tallystick.authority.intake import decision_store, decisions, queries
from tallystick.authority.intake.anchors import AnchorKind, standing
from tallystick.authority.intake.held import Decision, HeldState
from tallystick.authority.intake.readmission import carry_out, publish_decisions
from tallystick.authority.ledger.entry import Booked, LeafFlag, NewEntry
from tallystick.authority.ledger.queries import device_standing, document_by_index
from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.projections.audit.counters import AuditedCounters
from tallystick.kernel.faults import Fault
from tallystick.kernel.invoice import TransactionType
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role
from tallystick.wire.audit_data import write_audit_data
from tallystick.wire.leaf import read_leaf


@pytest.fixture
def bench(database: str, tmp_path: Path) -> Iterator[Bench]:
    with live_country(database, tmp_path) as country, psycopg.connect(as_role(database, INTAKE)) as worker:
        yield Bench(country, tmp_path / "sequencer", worker)


def test_k_05_a_document_kept_apart_is_booked_by_two_officers_once_and_all_sums_agree(bench: Bench) -> None:
    assert bench.send()[0] == 4
    bench.state(HOLD)
    first, package = bench.send()
    bench.country.loop.run(bench.country.live.shown())
    (held,) = bench.waiting()
    assert held.codes == ("TS-2407",)
    number = bench.ask(held)
    assert fault_of(lambda: bench.ask(held, Decision.REJECT)) == "TS-4004", "one open request a document"
    unknown = attrs.evolve(held, act_hash=bytes(32))
    assert fault_of(lambda: bench.ask(unknown)) == "TS-4003"
    early = attrs.evolve(held, entry_index=None)
    assert fault_of(lambda: decisions.check_undecided(early)) == "TS-3041", "its arrival is not in the ledger yet"
    assert not bench.carry_out(), "nobody has approved"
    assert fault_of(lambda: bench.approve(number, by="vera")) == "TS-4005"
    assert fault_of(lambda: bench.approve(number, by="operator")) == "TS-4003", "not an officer"
    bench.approve(number)
    kinds = bench.leaves()

    # still on hold: what was approved is not lawful, and nothing is booked
    assert bench.carry_out()
    assert bench.leaves() == kinds
    (held,) = bench.waiting()
    assert held.hindrance.startswith("TS-3041: TS-2407"), held.hindrance
    assert not bench.carry_out(), "it is not tried again by itself"

    bench.state(ACTIVE)
    kept = queries.kept_turnover(bench.worker, bench.card.uid, 1, 2)
    assert kept == held.turnover
    after = bench.decide(held)
    assert (after.state, after.decided_by) == (HeldState.READMITTED, "omar")
    assert bench.leaves() == [*kinds, 1, 4], "the document, and the decision"
    assert after.document_index is not None
    document = document_by_index(bench.worker, after.document_index)
    assert document is not None
    leaf, record = read_leaf(document.leaf), document.facts
    assert leaf.flags & LeafFlag.READMITTED
    assert document.body_hash == held.body_hash
    assert record.facts["quarantined"] == str(held.entry_index)
    assert record.verdict == str(first)
    stands = device_standing(bench.worker, (bench.card.uid, bench.card.uid))
    assert stands is not None
    assert (stands.documents, stands.highest_ordinal, stands.missing, stands.total) == (2, 2, 0, bench.card.unaudited)
    assert queries.kept_turnover(bench.worker, bench.card.uid, 1, 2) == 0, "it counts in the ledger, not here too"
    assert queries.kept_ordinals(bench.worker, bench.card.uid, 1, 2) == {2}

    assert bench.again(package) == first, "the same bytes again get the same answer again"
    assert fault_of(lambda: bench.ask(held)) == "TS-4007"
    assert bench.leaves() == [*kinds, 1, 4], "and nothing is booked twice"
    body = document_by_index(bench.worker, len(kinds) + 1)
    assert body is not None
    decision = json.loads(body.body)
    assert (decision["decision"], decision["document"]) == ("readmitted", str(after.document_index))
    assert (decision["askedBy"], decision["approvedBy"]) == ("vera", "omar")
    verbs = [one.act.verb for one in activity.newest(bench.worker)]
    assert verbs.count("quarantine.readmit") == 1
    assert verbs.count("quarantine.hindered") == 1
    bench.worker.commit()
    bench.check()


def test_k_05_a_revoked_signer_s_document_needs_an_anchor_older_than_the_revocation(bench: Bench) -> None:
    revoked_at = now() + timedelta(seconds=1)
    early = [bench.card.invoice(sale(), revoked_at + timedelta(hours=1)) for _ in range(2)]  # its clock is ahead
    assert bench.send()[0] == 4  # ordinal 3 is here before the revocation
    bench.country.loop.run(bench.country.live.shown())
    while now() <= revoked_at:
        threading.Event().wait(0.05)
    bench.state(REVOKED, revoked_at)
    for request, result in early:
        assert bench.country.send(request, result) == 6
    late, _ = bench.send(revoked_at + timedelta(hours=2))
    assert late == 6
    bench.country.loop.run(bench.country.live.shown())
    first, second, third = bench.waiting()
    found = standing(bench.worker, AuditedCounters(), first)
    best = found.best
    assert best is not None
    assert best.kind is AnchorKind.LATER_DOCUMENT
    assert best.at < revoked_at
    assert standing(bench.worker, AuditedCounters(), third).best is None
    assert fault_of(lambda: bench.ask(third)) == "TS-3040"
    bench.worker.commit()

    assert bench.decide(first).state is HeldState.READMITTED
    assert bench.decide(third, Decision.REJECT).state is HeldState.REJECTED
    kept = decision_store.held(bench.worker, third.act_hash)
    assert kept is not None
    assert kept.body, "what was rejected stays kept"
    assert queries.kept_ordinals(bench.worker, bench.card.uid, 1, 9) == {1, 2, 4}

    # the card's own counter at an audit is an anchor as well
    with psycopg.connect(bench.country.dsn) as owner:
        owner.execute("DELETE FROM audit.request")
        owner.execute(
            """INSERT INTO audit.request (uid, audit_sequence, nonce, total_counter, proven_counter, unaudited,
                   card_limit, stated_sum, stated_limit, received_at, state, missing, code)
               VALUES (%s, 1, decode(repeat('00', 32), 'hex'), 4, 0, 70, 100, 0, 0, %s, 'incomplete', '{}', '')""",
            (bench.card.uid, revoked_at - timedelta(minutes=1)),
        )
    kinds = {one.kind for one in standing(bench.worker, AuditedCounters(), second).anchors}
    assert AnchorKind.CARD_COUNTER in kinds
    bench.worker.commit()
    with psycopg.connect(bench.country.dsn) as owner:
        owner.execute(
            """INSERT INTO intake.evidence (act_hash, body_hash, kind, file_hash, body, first_body_hash, signed_by,
                   ordinal, token_uid, received_at)
               VALUES (%(hash)s, %(hash)s, 'two documents under one number', %(hash)s, '', '', %(uid)s,
                   3, '', now())""",
            {"hash": bytes(32), "uid": bench.card.uid},
        )
    cloned = standing(bench.worker, AuditedCounters(), second)
    assert cloned.best is None, "a card that is there twice proves nothing by its counter"
    assert fault_of(lambda: bench.ask(second)) == "TS-3040"
    bench.worker.commit()
    bench.check()


def test_k_05_a_revocation_that_comes_after_the_approval_is_looked_at_again(bench: Bench) -> None:
    before = now()
    bench.state(HOLD)
    bench.send()
    bench.send()
    bench.country.loop.run(bench.country.live.shown())
    first, second = bench.waiting()
    bench.worker.commit()
    numbers = [bench.ask(one) for one in (first, second)]
    for number in numbers:
        bench.approve(number)
    bench.state(REVOKED, before)  # backdated: nothing of these two was here then
    kinds = bench.leaves()
    assert bench.carry_out()
    assert bench.carry_out()
    assert bench.leaves() == kinds
    assert all(one.hindrance.startswith("TS-3040") for one in bench.waiting())
    bench.worker.commit()
    with psycopg.connect(bench.country.dsn) as owner:  # revoked from now on: their own entries are older
        moment, uid = now() + timedelta(seconds=1), bench.card.uid
        owner.execute("UPDATE registry.secure_element SET revoked_at = %s WHERE uid = %s", (moment, uid))
    bench.country.live.put(bench.card, state=REVOKED, revoked_at=now() + timedelta(hours=1))
    after = bench.decide(first)
    assert after.state is HeldState.READMITTED
    assert "its own entry in the ledger" in json.dumps(
        [row[0] for row in bench.country.live.rows("SELECT convert_from(decision, 'UTF8') FROM intake.quarantine")]
    )
    bench.check()


def test_s0_059_a_refund_takes_its_part_before_it_is_re_admitted(bench: Bench) -> None:
    """One of a card on hold did so when it came; one of a revoked card, or of an earlier version, does so now."""
    assert bench.send()[0] == 4
    refund: dict[str, Any] = {
        "transaction_type": TransactionType.REFUND,
        "referent_document_number": f"{bench.card.uid}-{bench.card.uid}-1",
    }
    before = now()
    bench.state(HOLD)
    bench.send(**refund)
    noted = "SELECT sequence FROM intake.refund_claim WHERE given AND NOT let_go ORDER BY 1"
    assert bench.country.live.rows(noted) == [(2,)]
    bench.country.live.put(bench.card, state=REVOKED, revoked_at=before)
    assert bench.send(**refund)[0] == 6
    assert bench.country.live.rows(noted) == [(2,)]
    bench.country.loop.run(bench.country.live.shown())
    held, revoked = bench.waiting()
    bench.worker.commit()
    bench.country.live.rows("DELETE FROM intake.refund_claim RETURNING 1")
    bench.state(REVOKED, now() + timedelta(hours=1))  # from then on: their own entries are older
    bench.country.live.put(bench.card, state=REVOKED, revoked_at=before)
    seen: list[object] = []

    def append(entry: NewEntry) -> Booked:
        seen.append(bench.country.live.rows(noted))
        return bench.append(entry)

    for one in (held, revoked):
        bench.approve(bench.ask(one))
        assert carry_out(bench.worker, bench.services(append), now)
        after = decision_store.held(bench.worker, one.act_hash)
        bench.worker.commit()
        assert after is not None
        assert after.state is HeldState.READMITTED, after.hindrance
    assert seen == [[(2,)], [(2,), (3,)]], "noted before they were booked"
    flags = [bench.country.live.rows("SELECT record FROM ledger.records ORDER BY log_index DESC LIMIT 1")]
    assert b"TS-2104" in bytes(flags[0][0][0]), "the second one is more than is left"


def test_nothing_is_booked_twice_whatever_crashes_or_runs_beside_it(bench: Bench) -> None:
    bench.state(HOLD)
    bench.send()
    bench.country.loop.run(bench.country.live.shown())
    (held,) = bench.waiting()
    bench.worker.commit()
    bench.approve(bench.ask(held))
    bench.state(ACTIVE)

    def crash(entry: NewEntry) -> Booked:
        bench.append(entry)
        raise Fault("TS-5003", detail="the answer never came")

    assert fault_of(lambda: carry_out(bench.worker, bench.services(crash), now)) == "TS-5003"
    assert bench.leaves().count(1) == 1
    assert bench.waiting()[0].state is HeldState.RECEIVED, "not decided, for nobody knows that it is booked"
    bench.worker.commit()
    outcomes: list[bool] = []

    def work() -> None:
        with psycopg.connect(as_role(bench.country.dsn, INTAKE)) as conn:
            outcomes.append(carry_out(conn, bench.services(), now))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == [False, False, True]
    assert bench.leaves().count(1) == 1
    with psycopg.connect(bench.country.dsn) as owner:  # a crash before the decision's entry is noted
        assert publish_decisions(owner, bench.append) == 1
        owner.execute("SET session_replication_role = replica")
        owner.execute("UPDATE intake.quarantine SET decision_index = NULL")
        owner.commit()
        assert publish_decisions(owner, bench.append) == 1
    assert bench.leaves().count(4) == 2, "received, and decided"
    bench.check()


def test_what_cannot_be_booked_is_refused_with_its_code_and_can_only_be_rejected(bench: Bench) -> None:
    request, result = bench.card.invoice(sale(), now())
    body = write_audit_data(request, result).replace(b'"item"', b'"items"', 1).replace(b'"items":[', b'"itemz":[', 1)
    package = seal(body, bench.card.encryption_key)
    assert bench.again(package) == 0
    bench.country.loop.run(bench.country.live.shown())
    (held,) = bench.waiting()
    assert bench.decide(held).state is HeldState.RECEIVED
    (held,) = bench.waiting()
    assert held.hindrance.startswith("TS-3041"), held.hindrance
    with psycopg.connect(as_role(bench.country.dsn, PORTAL)) as portal, pytest.raises(psycopg.Error):
        portal.execute("UPDATE intake.quarantine SET state = 'rejected'")
    for statement in (
        "UPDATE intake.quarantine SET body = 'other'",
        "UPDATE intake.quarantine SET state = 'readmitted'",
        "UPDATE intake.quarantine SET turnover = 0",
    ):
        with psycopg.connect(bench.country.dsn) as owner, pytest.raises(psycopg.Error):
            owner.execute(statement.encode())
    assert bench.decide(held, Decision.REJECT).state is HeldState.REJECTED
    with psycopg.connect(bench.country.dsn) as owner, pytest.raises(psycopg.Error):
        owner.execute("UPDATE intake.quarantine SET state = 'received', decided_at = NULL, decision = NULL")
