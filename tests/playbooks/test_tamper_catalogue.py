"""The tamper catalogue on a small ledger of documents that real cards signed: who must notice does, and nobody else's
ledger is accused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from signed_ledger import ORIGIN, SignedLedger

from tallystick.authority.oversight.activity.operations import record
from tallystick.authority.oversight.activity.values import Act
from tallystick.kernel.faults import Fault
from tallystick.simulation.tampering.catalogue import CATALOGUE
from tallystick.simulation.tampering.detectors import DETECTORS, QUESTIONS, Detector, Looker, Sight
from tallystick.simulation.tampering.drill import Drill, Result, table
from tallystick.simulation.tampering.manipulation import Manipulation
from tallystick.simulation.tampering.national_catalogue import NATIONAL_CATALOGUE
from tallystick.simulation.tampering.scene import check_is_copy, copy_tables

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


def test_the_catalogue_is_large_and_every_detector_is_needed() -> None:
    names = [one.name for one in (*CATALOGUE, *NATIONAL_CATALOGUE)]
    assert len(names) >= 40
    assert len(set(names)) == len(names)
    known = {one.name for one in DETECTORS}
    assert set(QUESTIONS) == known
    assert {name for one in CATALOGUE for name in one.must} == known


NEEDS = {
    "sweep": "verdict",
    "mirror": "mirror-changed",
    "published": "published-exchanged",
    "verifier": "record-total-everywhere",
    "kept head": "goods-renamed",
    "witness": "goods-renamed",
    "gossip": "two-histories",
    "device": "tail-dropped-everywhere",
    "receipt": "one-dropped-everywhere",
    "registry": "registry-row",
    "activity": "act-forged",
}
"""For each detector a manipulation that it must see."""


@pytest.mark.parametrize("name", NEEDS)
def test_switch_off_one_detector(drill: Drill, name: str) -> None:
    """With a detector that has gone blind the drill fails; so none of them is there for show."""
    victim = next(one for one in CATALOGUE if one.name == NEEDS[name])
    blind = [one if one.name != name else Looker(name, lambda _: iter(())) for one in DETECTORS]
    result = _blind(drill, blind, victim)
    assert name in result.missed
    assert not result.is_good


def _blind(drill: Drill, detectors: list[Detector], victim: Manipulation) -> Result:
    seeing = drill.detectors
    drill.detectors = detectors
    try:
        return drill.attempt(victim, only=victim.must)
    finally:
        drill.detectors = seeing


def test_a_false_alarm_fails_the_drill(drill: Drill) -> None:
    def wolf(_: Sight) -> Iterator[str]:
        yield "a wolf"

    nothing = Manipulation(name="honest", title="nothing", deeds=(), must=frozenset())
    seeing, drill.detectors = drill.detectors, [Looker("sweep", wolf)]
    try:
        assert not drill.attempt(nothing).is_good
    finally:
        drill.detectors = seeing


def test_ts_3056_nothing_but_a_copy_is_ever_touched(signed: SignedLedger, drill: Drill, database: str) -> None:
    """The ledger itself, and any database that no drill has made, refuse."""
    assert drill.detectors
    before = signed.ledger.rows("SELECT count(*), max(log_index) FROM ledger.leaves")
    with psycopg.connect(signed.ledger.dsn) as connection, pytest.raises(Fault) as caught:
        check_is_copy(connection)
    assert caught.value.code == "TS-3056"
    with pytest.raises(Fault) as caught:
        copy_tables(signed.ledger.dsn, database)
    assert caught.value.code == "TS-3056"
    assert signed.ledger.rows("SELECT count(*), max(log_index) FROM ledger.leaves") == before
    assert not signed.ledger.sweep(), "the ledger that was copied is what it was"


def test_the_table_shows_what_was_missed(drill: Drill) -> None:
    victim = next(one for one in CATALOGUE if one.name == "verdict")
    result = drill.attempt(victim, only=frozenset({"sweep"}))
    lines = list(table([result, attrs.evolve(result, fired={})], ["sweep", "mirror"]))
    assert "●" in lines[1]
    assert "✗" in lines[2]
    assert lines[2].endswith("FAILED")


PAGE = Path(__file__).parents[2] / "docs/operations/tamper-catalogue.md"


def test_the_page_has_every_manipulation_as_the_program_has_it() -> None:
    page = PAGE.read_text(encoding="utf-8")
    columns = [one.name for one in DETECTORS]
    missing = [row for row in rows_of_the_page(columns) if row not in page.splitlines()]
    assert not missing, "docs/operations/tamper-catalogue.md lacks or differs:\n" + "\n".join(missing)


def rows_of_the_page(columns: list[str]) -> Iterator[str]:
    """A line for each manipulation: what is done, by whom, and a mark for each detector that must fire."""
    for one in (*CATALOGUE, *NATIONAL_CATALOGUE):
        marks = " | ".join("●" if name in one.must else "" for name in columns)
        yield f"| `{one.name}` | {one.title} | {one.actor} | {marks} |"
    for name, question in QUESTIONS.items():
        yield f"| {name} | {question} |"
