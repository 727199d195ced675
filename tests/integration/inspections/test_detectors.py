"""S0-004 and security 1.3: three detectors that do not lean on each other, no alarm where all is honest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from inspected import Inspected, inspected
from psycopg import Connection, DatabaseError, connect
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Identifier

from benchmarks.package_maker import Card, sale
from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.oversight.approvals.values import PORTAL as PAGES
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.projections.inspections import operations, queries
from tallystick.authority.projections.inspections.values import CaseKind, CaseState, DetectorName
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role
from tallystick.simulation.tampering.relink import relink

ARRIVAL = timedelta(hours=72)
HABIT_DAYS = 22
VERA = Person("vera", PAGES)
REASON = "the shop burnt down on Friday; the fire brigade's report is on file"


@pytest.fixture
def shops(database: str, tmp_path: Path) -> Iterator[Inspected]:
    """A country with two cards that have sold nothing yet."""
    with inspected(database, tmp_path) as made:
        yield made


def off(name: DetectorName) -> str:
    """The switch with one detector left out."""
    return " ".join(one for one in DetectorName if one is not name)


def case_state(shops: Inspected, kind: CaseKind) -> CaseState:
    """How the newest case of a kind stands."""
    with connect(as_role(shops.country.dsn, INTAKE)) as conn:
        return queries.cases(conn, state=None, kind=kind)[0].state


def test_s0_004_weeks_of_honest_selling_open_no_case_and_then_a_device_falls_silent(shops: Inspected) -> None:
    cards = (shops.country.live.card, shops.country.live.other)
    shops.days(HABIT_DAYS, *cards)
    late = shops.sign(cards[0])
    shops.sell(cards[0])
    shops.scan(late[1])
    assert shops.look() == []
    shops.at += timedelta(hours=20)
    shops.send(cards[0], *late)
    shops.at += ARRIVAL
    shops.sell(*cards)
    assert shops.look() == [], "an outage of a day, and a receipt that was scanned in it"
    shops.prove(cards[0])
    shops.days(8, cards[1])
    assert shops.look() == [], "closed for a week: not yet for so many of its usual hours"
    shops.days(6, cards[1])
    assert shops.kinds(off(DetectorName.UNDER_REPORTING)) == set()
    (case,) = shops.look()
    assert (case.kind, case.device) == (CaseKind.DEVICE_SILENT, f"{cards[0].uid}-{cards[0].uid}")
    shops.sell(cards[0])
    shops.at += timedelta(minutes=2)
    assert shops.look() == []


def test_d_man_a_changed_body_is_a_case_and_ends_when_it_is_put_back(shops: Inspected) -> None:
    card = shops.country.live.card
    shops.sell(card)
    index = shops.entry_of[card.uid, 1]
    with connect(shops.country.dsn) as conn:
        body = body_of(conn, index)
    assert shops.look() == []
    shops.edit("UPDATE ledger.bodies SET body = %s WHERE log_index = %s", body.replace(b"2.5", b"1.5"), index)
    assert shops.kinds(off(DetectorName.MANIPULATION)) == set()
    assert CaseKind.BODY_CHANGED in shops.kinds()
    shops.edit("UPDATE ledger.bodies SET body = %s WHERE log_index = %s", body, index)
    shops.at += timedelta(minutes=2)
    assert shops.look() == []
    assert case_state(shops, CaseKind.BODY_CHANGED) is CaseState.VANISHED


def body_of(conn: Connection[tuple[bytes]], index: int) -> bytes:
    """The stored body of an entry."""
    row = conn.execute("SELECT body FROM ledger.bodies WHERE log_index = %s", [index]).fetchone()
    assert row is not None
    return bytes(row[0])


def test_d_man_sees_by_the_signature_alone_what_was_made_to_fit_everywhere(shops: Inspected) -> None:
    card = shops.country.live.card
    shops.sell(card)
    index = shops.entry_of[card.uid, 1]
    with connect(shops.country.dsn) as conn:
        body = body_of(conn, index)
    head, amount, tail = body.rpartition(b'"totalAmount":')
    changed = head + amount + b"1" + tail
    shops.edit("UPDATE ledger.bodies SET body = %s WHERE log_index = %s", changed, index)
    relink(shops.country.dsn)
    assert CaseKind.SIGNATURE_WRONG not in shops.kinds(off(DetectorName.MANIPULATION))
    assert CaseKind.SIGNATURE_WRONG in shops.kinds()


def test_d_del_rows_that_are_gone_are_a_case(shops: Inspected) -> None:
    card = shops.country.live.card
    shops.sell(card)
    shops.sell(card)
    first, second = (shops.entry_of[card.uid, number] for number in (1, 2))
    assert shops.look() == []
    shops.edit("DELETE FROM ledger.records WHERE log_index = %s", first)
    shops.edit("DELETE FROM ledger.device_links WHERE log_index = %s", second)
    assert shops.kinds(off(DetectorName.DELETION)) == set()
    assert shops.kinds() == {CaseKind.ROWS_MISSING}
    shops.edit("DELETE FROM ledger.checkpoints WHERE tree_size > 2")
    assert "ledger" in {case.matter for case in shops.look()}, "the log has grown smaller"


def test_k_13_a_number_that_never_came_is_a_case_after_the_limit_until_it_comes(shops: Inspected) -> None:
    card = shops.country.live.card
    shops.sell(card)
    kept_back = shops.sign(card)
    shops.sell(card)
    shops.at += ARRIVAL - timedelta(minutes=1)
    assert shops.look() == [], "it may still be on its way"
    shops.at += timedelta(minutes=2)
    assert shops.kinds(off(DetectorName.DELETION)) == set()
    (case,) = shops.look()
    assert (case.kind, case.device, case.tin) == (CaseKind.NUMBERS_MISSING, f"{card.uid}-{card.uid}", card.tin)
    shops.send(card, *kept_back)
    shops.at += timedelta(minutes=2)
    assert shops.look() == []
    assert case_state(shops, CaseKind.NUMBERS_MISSING) is CaseState.VANISHED


def test_d_und_a_receipt_that_a_buyer_holds_and_nobody_sent_is_a_case(shops: Inspected) -> None:
    card = shops.country.live.card
    shops.sell(card)
    unsent = shops.sign(card)
    shops.scan(unsent[1])
    shops.scan(unsent[1])
    assert shops.look() == [], "pending"
    shops.at += ARRIVAL + timedelta(minutes=1)
    assert shops.kinds(off(DetectorName.UNDER_REPORTING)) == set()
    (case,) = shops.look()
    assert (case.kind, case.amount) == (CaseKind.SEEN_BY_BUYER, unsent[1].total_amount.scaled)
    with connect(as_role(shops.country.dsn, INTAKE)) as conn:
        (seen,) = queries.evidence(conn, case.case_id)
    assert seen.evidence.facts["times"] == "2"
    shops.send(card, *unsent)
    shops.at += timedelta(minutes=2)
    assert shops.look() == []


def test_d_und_what_nobody_audits_for_weeks_is_a_case_until_it_is_audited(shops: Inspected) -> None:
    card = shops.country.live.card
    shops.sell(card)
    shops.at += timedelta(days=13)
    assert shops.look() == []
    shops.at += timedelta(days=2)
    shops.sell(card)
    assert shops.kinds(off(DetectorName.UNDER_REPORTING)) == set()
    (case,) = shops.look()
    assert (case.kind, case.amount) == (CaseKind.UNAUDITED, card.unaudited)
    shops.prove(card)
    shops.at += timedelta(minutes=2)
    assert shops.look() == []


def test_d_und_a_paper_with_another_total_and_taxes_that_do_not_follow_are_cases(shops: Inspected) -> None:
    card = shops.country.live.card
    request, result = shops.sign(card)
    total = str(result.total_amount.rounded(2))
    journal = (result.journal or "").replace(total, "999.99")
    assert journal != result.journal
    shops.send(card, request, attrs.evolve(result, journal=journal))
    request, result = shops.sign(card)
    first, *rest = result.tax_items
    low = (attrs.evolve(first, amount=Money(1)), *rest)
    shops.send(card, request, attrs.evolve(result, tax_items=low))
    assert shops.kinds(off(DetectorName.UNDER_REPORTING)) == set()
    assert shops.kinds() == {CaseKind.JOURNAL_DIFFERS, CaseKind.TAXES_DIFFER}


def ask_for_audit(shops: Inspected, card: Card, state: str, *, missing: list[int], held: int | None) -> None:
    """The audit room's row of a request, as it stands after the worker's look."""
    shops.edit(
        "INSERT INTO audit.request (uid, audit_sequence, nonce, total_counter, proven_counter, unaudited, card_limit,"
        " stated_sum, stated_limit, received_at, state, missing, held) VALUES"
        " (%s, 1, %s, 5, 0, 700000, 0, 0, 0, %s, %s, %s, %s)",
        card.uid,
        bytes(32),
        shops.at,
        state,
        missing,
        held,
    )


def test_audits_whose_packages_never_came_or_whose_sums_differ_are_cases(shops: Inspected) -> None:
    card = shops.country.live.card
    ask_for_audit(shops, card, "incomplete", missing=[2, 5], held=None)
    assert shops.look() == []
    shops.at += ARRIVAL + timedelta(minutes=1)
    assert shops.kinds(off(DetectorName.DELETION)) == set()
    assert shops.kinds() == {CaseKind.AUDIT_INCOMPLETE}
    shops.edit("UPDATE audit.request SET state = 'ended'")
    shops.at += timedelta(minutes=2)
    assert shops.look() == []
    other = shops.country.live.other
    ask_for_audit(shops, other, "contradicts", missing=[], held=500_000)
    assert shops.kinds(off(DetectorName.UNDER_REPORTING)) == set()
    (case,) = shops.look()
    assert (case.kind, case.amount) == (CaseKind.CARD_SUM_DIFFERS, 200_000)


def test_an_officer_closes_a_case_and_the_same_thing_opens_no_other(shops: Inspected) -> None:
    other = shops.country.live.other
    ask_for_audit(shops, other, "contradicts", missing=[], held=500_000)
    (case,) = shops.look()
    with connect(as_role(shops.country.dsn, PORTAL)) as conn:
        for number, reason, code in ((case.case_id, "short", "TS-1220"), (99, REASON, "TS-4003")):
            with pytest.raises(Fault) as refused:
                operations.close(conn, number, VERA, reason, shops.at)
            assert refused.value.code == code
        operations.close(conn, case.case_id, VERA, REASON, shops.at)
        with pytest.raises(Fault) as again:
            operations.close(conn, case.case_id, VERA, REASON, shops.at)
        assert again.value.code == "TS-4007"
    assert shops.look() == []
    assert case_state(shops, CaseKind.CARD_SUM_DIFFERS) is CaseState.CLOSED
    with connect(shops.country.dsn) as conn:
        (act,) = activity.newest(conn, verb="inspections.close")
        assert (act.act.actor, act.act.object, act.act.purpose) == ("officer:vera", f"case {case.case_id}", REASON)
        with pytest.raises(DatabaseError):
            conn.execute(
                "UPDATE inspections.case_file SET state = 'open', closed_at = NULL, closed_by = NULL, reason = NULL"
            )
    for role, statement in (
        (PORTAL, "UPDATE inspections.seen SET amount = 0"),
        (
            PORTAL,
            "INSERT INTO inspections.case_file (kind) VALUES ('x')",
        ),
        (INTAKE, "UPDATE inspections.case_file SET closed_by = 'vera'"),
        (INTAKE, "DELETE FROM inspections.seen"),
    ):
        with connect(as_role(shops.country.dsn, role)) as conn, pytest.raises(InsufficientPrivilege):
            conn.execute(statement.encode())


def test_only_the_body_holds_a_buyers_id(shops: Inspected) -> None:
    card, buyer = shops.country.live.card, "10:876543219"
    request, result = shops.sign(card, sale(buyer_id=buyer, buyer_cost_center_id="50:8765432"))
    shops.scan(result)
    shops.send(card, request, result)
    shops.look()
    with connect(shops.country.dsn) as conn:
        tables = conn.execute("SELECT schemaname, tablename FROM pg_tables WHERE schemaname <> 'pg_catalog'").fetchall()
        holding = set()
        for table in tables:
            query = SQL("SELECT count(*) FROM {} AS t WHERE t::text LIKE %s OR t::text LIKE %s").format(
                Identifier(*table)
            )
            wanted = (f"%{buyer[3:]}%", f"%{buyer[3:].encode().hex()}%")
            row = conn.execute(query, wanted).fetchone()
            if row is not None and row[0]:
                holding.add(".".join(table))
    assert {name.partition("_20")[0] for name in holding} == {"ledger.bodies"}
