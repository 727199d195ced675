"""Cards of TaxCore and registers of the national channels in one ledger: whoever reads it reads both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from ledger_bench import ORIGIN
from mixed_ledger import BUYER, MixedLedger
from psycopg.conninfo import make_conninfo

from tallystick.authority.assurance.seals import queries as seals
from tallystick.authority.assurance.seals.tasks import seal_days
from tallystick.authority.ledger.export import ExportScope, export_ledger
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import PORTAL as PAGES
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.projections.personal import operations
from tallystick.authority.projections.personal.readable import readable
from tallystick.authority.projections.personal.search import entries_of
from tallystick.authority.projections.personal.subject import Subject
from tallystick.authority.reference.registry.operations import create_user
from tallystick.kernel.instants import epoch_day
from tallystick.ops.approved_deeds import do_approved
from tallystick.ops.erasures import Erasures
from tallystick.ops.packs import pack_file
from tallystick.ops.schema.roles import ERASER, INTAKE, PORTAL, as_role
from tallystick.simulation.tampering.drill import Drill
from tallystick.simulation.tampering.manipulation import Manipulation
from tallystick.simulation.tampering.national_catalogue import NATIONAL_CATALOGUE
from tallystick.verifier.breaks import Break
from tallystick.verifier.policy import read_policy
from tallystick.verifier.run import Outcome, verify
from tallystick.wire.day_seal import read_seal

VERA, OMAR = Person("vera", PAGES), Person("omar", PAGES)
REASON = "the buyer asked, and no tax period is open any more"
SINCE = (datetime.now(UTC) - timedelta(days=3)).replace(hour=8, minute=0, second=0, microsecond=0)


@pytest.fixture(scope="module")
def mixed(_hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MixedLedger]:
    """Two shifts of the till, one of the truck that comes a day late, and a card that sells meanwhile."""
    with psycopg.connect(make_conninfo(_hasty_server, dbname="postgres"), autocommit=True) as administrator:
        administrator.execute("CREATE DATABASE mixed TEMPLATE tallystick STRATEGY file_copy")
        dsn = make_conninfo(_hasty_server, dbname="mixed")
        with psycopg.connect(dsn) as connection:
            made = MixedLedger.make(tmp_path_factory.mktemp("mixed"), dsn, connection, SINCE)
            sold, cards = made.sell_a_shift(made.till), made.card_sales()
            late = made.sell_a_shift(made.truck)
            made.book(*sold, *cards[:3])
            made.till.at += timedelta(days=1)
            made.book(*made.sell_a_shift(made.till), *late, *cards[3:])
            yield made
        administrator.execute("DROP DATABASE mixed WITH (FORCE)")


def test_the_self_check_reads_both_kinds(mixed: MixedLedger) -> None:
    mixed.signed.ledger.publish()
    assert mixed.signed.ledger.sweep() == []


def test_s0_040_a_day_is_sealed_with_the_devices_that_closed_it(mixed: MixedLedger) -> None:
    """S1-029: a register whose Z-report is booked counts as one with Z, a card never does."""

    def seal(append: object) -> None:
        with psycopg.connect(as_role(mixed.dsn, INTAKE)) as conn:
            seal_days(conn, append, UTC, lambda: datetime.now(UTC))  # type: ignore[arg-type]

    mixed.serving(seal)
    day = epoch_day(SINCE)
    with psycopg.connect(as_role(mixed.dsn, INTAKE)) as conn:
        first = read_seal(seals.of_day(conn, day)[0].body)
        second = read_seal(seals.of_day(conn, day + 1)[0].body)
    assert (first.devices, first.devicesWithZ, first.devicesWithoutZ) == ("3", "2", "1")
    assert (second.devices, second.devicesWithZ) == ("1", "1")
    assert first.types["512"].count == "8"
    assert first.types["513"].total == "90000"
    assert first.types["576"].count == "2"
    assert mixed.signed.ledger.sweep() == []


def test_s0_004_honest_devices_of_both_kinds_open_no_case(mixed: MixedLedger) -> None:
    assert mixed.look(SINCE + timedelta(days=4)) == []


def test_k_21_what_was_given_back_is_followed_once(mixed: MixedLedger) -> None:
    first = mixed.follow()
    assert first >= 6, "a refund and a correction of each shift"
    assert mixed.follow() == 0
    [(count,)] = mixed.signed.ledger.rows("SELECT count(*) FROM verification.claim WHERE document_type >= 512")
    assert count == 6


def found(mixed: MixedLedger, **subject: str) -> list[int]:
    with psycopg.connect(as_role(mixed.dsn, PORTAL)) as conn:
        return [one.index for one in entries_of(conn, Subject.of(subject))]


def test_a_buyer_and_a_cashier_are_found_in_national_documents(mixed: MixedLedger) -> None:
    named = [made for register in (mixed.till, mixed.truck) for made in register.made if made.entry.buyer]
    assert len(named) == 3
    assert found(mixed, buyer=BUYER) == sorted(map(mixed.index_of, named))
    assert found(mixed, buyer="10:998877666") == []
    spoken = [made for made in mixed.till.made if made.document.sale or "shift-opening" in made.document.kind]
    assert found(mixed, tin="300000003", cashier="ANA") == sorted(map(mixed.index_of, spoken))


def test_an_export_shows_the_payload_to_people(mixed: MixedLedger) -> None:
    made = next(made for made in mixed.till.made if made.entry.buyer)
    with psycopg.connect(as_role(mixed.dsn, PORTAL)) as conn:
        (document,) = [one for one in entries_of(conn, Subject.of({"tin": "300000003"})) if one.body == made.entry.body]
        text = readable(document, b"", BUYER).decode()
    assert '"kind": "receipt"' in text
    assert BUYER in text


def verified(mixed: MixedLedger, folder: Path, *, workers: int = 1) -> tuple[Outcome, list[Break]]:
    """An export in small parts, verified with the country's root and pack."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tallystick.authority.ledger.export.PART_ENTRIES", 16)
        patch.setattr("tallystick.wire.ledger_export.PART_ENTRIES", 16)
        export_ledger(mixed.dsn, folder, ExportScope(), issuers=mixed.issuers)
        found: list[Break] = []
        policy = read_policy(mixed.signed.policy(f"pack {pack_file('AQ')}"))
        return verify(folder, policy, workers=workers, found=found.append), found


def test_an_export_of_both_kinds_verifies_with_public_keys_alone(mixed: MixedLedger, tmp_path: Path) -> None:
    """Shifts and refunds go on from one part to the next, and are followed over every border."""
    outcome, found = verified(mixed, tmp_path / "export")
    assert found == []
    assert outcome.notes == ()
    assert outcome.tally["signatures"] == len(mixed.till.made) + len(mixed.truck.made) + 6
    assert len(json.loads((tmp_path / "export" / "manifest.json").read_text())["parts"]) > 2


@pytest.fixture(scope="module")
def drill(mixed: MixedLedger, _hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drill]:
    """Copies of the mixed ledger; on the honest one nobody complains."""
    administrator = make_conninfo(_hasty_server, dbname="postgres")
    folder, root = tmp_path_factory.mktemp("national-drill"), mixed.signed.pki.files.root
    with Drill(administrator, folder, ORIGIN, (root,), mixed.issuers) as ready:
        honest = ready.prepare(mixed.dsn)
        assert honest.is_good
        assert ready.has_registers
        yield ready


AT_ONCE = {"national-record-everywhere", "national-dropped-everywhere", "national-signed-again"}
"""Tried with every run of the tests; the others take their time in the long ones."""


@pytest.mark.parametrize(
    "manipulation",
    [
        pytest.param(one, id=one.name, marks=() if one.name in AT_ONCE else pytest.mark.soak)
        for one in NATIONAL_CATALOGUE
    ],
)
def test_s0_041_what_is_done_to_national_documents_is_noticed(drill: Drill, manipulation: Manipulation) -> None:
    result = drill.attempt(manipulation, only=manipulation.must)
    assert result.is_good, f"silent: {sorted(result.missed)}; said: {result.fired}"


def erase(mixed: MixedLedger, *indexes: int) -> None:
    """Two officers, the ledger's entry, then body and salt."""
    with psycopg.connect(as_role(mixed.dsn, PORTAL)) as conn:
        request = operations.ask(conn, indexes, "Act on personal data, section 17", REASON, VERA, datetime.now(UTC))
        approvals.approve(conn, request, OMAR, datetime.now(UTC))
    ledger = mixed.signed.ledger
    erasures = Erasures(ledger.socket, as_role(mixed.dsn, ERASER), ledger.mirror, lambda: datetime.now(UTC))

    def work(_: object) -> None:
        for _ in range(2):
            with psycopg.connect(as_role(mixed.dsn, INTAKE)) as conn:
                do_approved(conn, datetime.now(UTC))
                erasures.work(conn)

    mixed.serving(work)


def test_a_national_document_that_the_law_has_erased_breaks_nothing(mixed: MixedLedger, tmp_path: Path) -> None:
    """Links, numbers and the device's sequence go on over it; its shift alone cannot be added up any more."""
    made = next(made for made in mixed.till.made if made.entry.buyer)
    with psycopg.connect(mixed.dsn) as conn:
        for name in ("vera", "omar"):
            create_user(conn, name, "!", name.title(), "officer")
    erase(mixed, mixed.index_of(made))
    [(body,)] = mixed.signed.ledger.rows("SELECT body FROM ledger.bodies WHERE log_index = %s", mixed.index_of(made))
    assert bytes(body) == b""
    assert mixed.index_of(made) not in found(mixed, buyer=BUYER)
    outcome, breaks = verified(mixed, tmp_path / "export")
    assert breaks == []
    assert outcome.tally["erased bodies"] == 1
    assert mixed.signed.ledger.sweep() == []
    assert mixed.look(SINCE + timedelta(days=4)) == []
