"""Every deed in every state: what the table names happens with its effect, all else is refused (TS-3060)."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cards import NOW
from production_bench import VERA, ProductionBench, TestBox

import tallystick.authority.reference.production as room
from tallystick.authority.reference.production import custody
from tallystick.authority.reference.production.custody import BY_HAND, Account
from tallystick.authority.reference.production.lifecycle import TABLE, CrlReason, Deed, Effect, State, move
from tallystick.authority.reference.production.tasks import send_reports
from tallystick.authority.reference.production.values import Module, Report
from tallystick.authority.reference.registry import queries as registry
from tallystick.kernel.faults import Fault
from tallystick.ops.production.run import make_line
from tallystick.ops.schema.roles import PORTAL, as_role

WHY = "the shop burnt down on Friday night"
SCHEMA = Path(room.__path__[0]) / "schema/0009_production.sql"
PATHS = {
    State.STOCK: (),
    State.SHIPPED: (Deed.SHIP,),
    State.HANDED_OVER: (Deed.SHIP, Deed.HAND_OVER),
    State.LOST: (Deed.HAND_OVER, Deed.LOSE),
    State.MISSING: (Deed.SHIP, Deed.LOSE),
    State.DAMAGED: (Deed.HAND_OVER, Deed.DAMAGE),
    State.RECALLED: (Deed.HAND_OVER, Deed.RECALL),
    State.RETURNED: (Deed.RECALL, Deed.TAKE_BACK),
    State.CLOSED: (Deed.HAND_OVER, Deed.CLOSE),
    State.DESTROYED: (Deed.DAMAGE, Deed.DESTROY),
}
"""From stock to each state that follows."""
REGISTERED = {
    State.STOCK: "hold",
    State.SHIPPED: "hold",
    State.HANDED_OVER: "active",
    State.LOST: "hold",
    State.MISSING: "revoked",
    State.DAMAGED: "revoked",
    State.RECALLED: "hold",
    State.RETURNED: "revoked",
    State.CLOSED: "closed",
    State.DESTROYED: "revoked",
}


class Heard:
    """A tax service that takes everything and remembers it."""

    def __init__(self) -> None:
        self.deeds: list[str] = []

    def tell(self, report: Report) -> str:
        self.deeds.append(report.deed)
        return "heard"


@pytest.mark.parametrize("state", State)
def test_what_the_table_does_not_name_is_refused(state: State) -> None:
    for deed in Deed:
        known = TABLE.get((state, deed))
        if known is not None:
            assert move(state, deed) is known
            assert (known.effect in (Effect.REVOKE, Effect.CLOSE)) == (known.reason is not None)
            continue
        with pytest.raises(Fault) as caught:
            move(state, deed)
        assert caught.value.code == "TS-3060"


def test_the_database_knows_the_same_table() -> None:
    array = re.search(r"ANY \(ARRAY\[(.*?)\]\)", SCHEMA.read_text(), re.DOTALL)
    assert array
    listed = {tuple(pair.split()) for pair in re.findall(r"'([^']+)'", array[1])}
    assert listed == {(state.value, step.to.value) for (state, _), step in TABLE.items()}


def test_every_state_is_reached_and_reasons_are_those_of_a_crl() -> None:
    assert {step.to for step in TABLE.values()} == set(State) - {State.BLANK}
    assert {reason.number for reason in CrlReason} <= set(range(11))


@pytest.fixture
def module(bench: ProductionBench, box: TestBox) -> Module:
    """One in stock."""
    batch = bench.open()
    with bench.station() as station:
        make_line(station, box, batch.batch_id, 1)
        send_reports(station.conn, Heard(), NOW)
    with psycopg.connect(bench.dsn) as conn:
        conn.execute(
            "UPDATE production.module SET visual_printed_at = now(), letter_printed_at = now(), pin_sealed = NULL"
        )
    assert bench.do(lambda conn: custody.put_in_stock(conn, batch.batch_id, VERA, NOW)) == 1
    return bench.modules(batch)[0]


def test_s1_046_what_becomes_of_a_module_in_every_state(bench: ProductionBench, module: Module) -> None:
    number = module.known_number
    for state, path in PATHS.items():
        with psycopg.connect(bench.dsn) as conn:
            reset(conn)
        done = [bench.act(number, deed, place="with the courier", receipt="R-17", reason=WHY) for deed in path]
        assert done[-1:] == ([state] if path else [])
        entry = bench.do(lambda conn: registry.secure_element(conn, number))
        assert entry is not None
        assert entry.state.value == REGISTERED[state], state
        with psycopg.connect(as_role(bench.dsn, PORTAL)) as conn:
            for deed in BY_HAND:
                if (state, deed) not in TABLE:
                    with pytest.raises(Fault) as caught:
                        custody.do(conn, number, deed, Account(place="x", receipt="x", reason=WHY), VERA, NOW)
                    assert caught.value.code == "TS-3060", (state, deed)
            assert conn.execute("SELECT state FROM production.module").fetchone() == (state.value,)


def reset(conn: psycopg.Connection[Any]) -> None:
    """Back to stock, as nobody but a test can."""
    conn.execute("SET session_replication_role = replica")
    conn.execute("UPDATE production.module SET state = 'stock', place = ''")
    conn.execute("UPDATE registry.secure_element SET state = 'hold', revoked_at = NULL")
    conn.execute("TRUNCATE registry.revoked_certificate")


def test_a_loss_stops_a_module_at_once_and_with_its_reason(bench: ProductionBench, module: Module) -> None:
    number, later = module.known_number, NOW + timedelta(hours=1)
    bench.act(number, Deed.SHIP, place="post office 7")
    bench.act(number, Deed.LOSE, at=later, reason=WHY)
    entry = bench.do(lambda conn: registry.secure_element(conn, number))
    assert entry is not None
    assert entry.revoked_at == later
    assert bench.value("SELECT array_agg(DISTINCT reason) FROM registry.revoked_certificate") == [1]
    assert bench.value("SELECT count(*) FROM registry.revoked_certificate") == 2, "both certificates"


def test_the_tax_service_hears_of_each_turn_in_order(bench: ProductionBench, module: Module) -> None:
    number = module.known_number
    for deed in (Deed.HAND_OVER, Deed.LOSE, Deed.FIND, Deed.RECALL, Deed.TAKE_BACK, Deed.DESTROY):
        bench.act(number, deed, place="Ana", receipt="R-17", reason=WHY)
    heard = Heard()
    with bench.station() as station:
        send_reports(station.conn, heard, NOW)
    assert heard.deeds == ["hand-over", "lose", "find", "recall", "take-back"]
    assert (
        bench.value("SELECT count(*) FROM activity.entry WHERE verb LIKE 'production.%' AND actor = 'officer:vera'")
        == 7
    )


@pytest.mark.parametrize(
    ("deed", "account"),
    [
        (Deed.HAND_OVER, {"place": "Ana"}),
        (Deed.HAND_OVER, {"receipt": "R-17"}),
        (Deed.SHIP, {}),
        (Deed.LOSE, {"reason": "gone"}),
        (Deed.RECALL, {"reason": "with\na line"}),
    ],
)
def test_a_deed_without_receipt_place_or_reason_is_refused(
    bench: ProductionBench, module: Module, deed: Deed, account: dict[str, str]
) -> None:
    with pytest.raises(Fault) as caught:
        bench.act(module.known_number, deed, NOW, **account)
    assert caught.value.code == "TS-1220"
    assert bench.value("SELECT state FROM production.module") == "stock"


def test_nobody_does_a_machine_s_deeds_and_unknown_numbers_are_unknown(bench: ProductionBench, module: Module) -> None:
    for number, deed, code in ((module.known_number, Deed.RECORD, "TS-3060"), ("NONE1234", Deed.SHIP, "TS-4003")):
        with pytest.raises(Fault) as caught:
            bench.act(number, deed, place="x")
        assert caught.value.code == code


def test_the_database_refuses_a_forbidden_turn_and_any_removal(bench: ProductionBench, module: Module) -> None:
    assert module.state is State.STOCK
    for statement, error in (
        ("UPDATE production.module SET state = 'blank'", psycopg.errors.CheckViolation),
        ("UPDATE production.module SET number = 'OTHER123'", psycopg.errors.CheckViolation),
        ("DELETE FROM production.module", psycopg.errors.InsufficientPrivilege),
        ("UPDATE production.public_key SET use = use", psycopg.errors.InsufficientPrivilege),
        ("DELETE FROM production.report", psycopg.errors.InsufficientPrivilege),
    ):
        with psycopg.connect(bench.dsn) as conn, pytest.raises(error):
            conn.execute(statement.encode())
