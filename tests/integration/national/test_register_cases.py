"""What detectors and page see of national documents that are not honest, over a real ledger, registry and PKI."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import psycopg
import pytest
from mixed_ledger import MixedLedger
from national_page import altered
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool

from benchmarks.national_documents import Made, Register
from tallystick.authority.channels.ecr.batches import operations
from tallystick.authority.intake.national.values import Sender
from tallystick.authority.projections.inspections.values import CaseKind
from tallystick.authority.projections.verification.api import build_app
from tallystick.authority.projections.verification.ledger_view import LedgerView
from tallystick.authority.projections.verification.page_tokens import PageTokens
from tallystick.authority.projections.verification.services import PublicServices
from tallystick.authority.projections.verification.words import PAGE_LANGUAGES
from tallystick.authority.reference.registry import operations as registry
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.national_document import NOTHING, DocumentKind, RegisterReport
from tallystick.ops.inspections import BuyersSightings
from tallystick.ops.national_receipts import NationalRecords
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.wire.offline_batch import Announcement, write_part

SINCE = (datetime.now(UTC) - timedelta(days=3)).replace(hour=8, minute=0, second=0, microsecond=0)


@attrs.define
class Country:
    """A ledger, and the public listener over it with a clock that a test sets."""

    mixed: MixedLedger
    app: Any
    now: datetime

    def told(self, made: Made | str) -> dict[str, Any]:
        """What a program is told of a code."""
        letters = made if isinstance(made, str) else made.letters
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": f"/r/{letters}",
            "query_string": b"",
            "headers": [(b"accept", b"application/json")],
            "client": ("192.0.2.1", 1),
        }
        asyncio.run(self.app(scope, receive, send))
        assert sent[0]["status"] == 200, sent
        said: dict[str, Any] = json.loads(b"".join(message.get("body", b"") for message in sent[1:]))
        return said

    def opened(self, register: Register) -> Register:
        """A register with an open shift; whatever it must say first is not booked."""
        if not register.made:
            register.register()
        if not register.state.is_open:
            register.open()
        return register

    def book(self, register: Register) -> None:
        """Book all of a register that is not booked yet."""
        [(held,)] = self.mixed.signed.ledger.rows(
            "SELECT seq FROM ledger.device_heads WHERE signed_by = %s", register.device.uid
        )
        self.mixed.book(*register.made[held:])

    def kinds(self) -> set[CaseKind]:
        """What is open."""
        return {one.kind for one in self.mixed.look(self.now)}


@pytest.fixture(scope="module")
def country(_hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    """One honest shift of the till; the truck is off line."""
    with psycopg.connect(make_conninfo(_hasty_server, dbname="postgres"), autocommit=True) as administrator:
        administrator.execute("CREATE DATABASE cases TEMPLATE tallystick STRATEGY file_copy")
        dsn = make_conninfo(_hasty_server, dbname="cases")
        with (
            psycopg.connect(dsn) as connection,
            ConnectionPool(
                as_role(dsn, PORTAL), min_size=1, max_size=3, open=True, kwargs={"autocommit": True}
            ) as pool,
        ):
            folder = tmp_path_factory.mktemp("cases")
            mixed = MixedLedger.make(folder, dsn, connection, SINCE)
            mixed.book(*mixed.sell_a_shift(mixed.till))
            mixed.follow()
            made = Country(mixed, None, SINCE + timedelta(hours=2))
            records = NationalRecords(pool.connection)
            made.app = build_app(
                PublicServices(
                    find_element=lambda _: None,
                    ledger=LedgerView(pool.connection, folder),
                    page_tokens=PageTokens(b"secret of a test"),
                    zone=UTC,
                    default_language=PAGE_LANGUAGES["en-US"],
                    clock=lambda: made.now,
                    operator="fdo.example",
                    registers=records,
                    is_kept_apart=records.is_kept_apart,
                    find_on_its_way=records.on_its_way,
                    sightings=BuyersSightings(pool.connection, lambda: made.now),
                )
            )
            yield made
        administrator.execute("DROP DATABASE cases WITH (FORCE)")


def test_s0_018_from_the_device_to_the_page_with_the_registry_and_a_proof(country: Country) -> None:
    sold = [made for made in country.mixed.till.made if made.document.sale and "receipt" in made.document.kind]
    said = country.told(sold[0])
    assert (said["status"], said["givenBack"], said["corrected"]) == ("valid", "4.5000", "0.0000")
    assert said["seller"]["businessName"] == "Corner Shop Ltd"
    assert said["seller"]["address"] == "Main Street 1"
    assert said["proof"]["index"] == country.mixed.index_of(sold[0])
    assert country.told(sold[1])["corrected"] == "1.0000"


def test_s0_004_a_paper_that_shows_less_than_was_reported_is_a_case_at_once(country: Country) -> None:
    sold = next(made for made in country.mixed.till.made if made.document.sale)
    for _ in range(2):
        assert country.told(altered(sold, country.mixed.till, total=Money.of("99.00")))["differs"] == ["total"]
    (case,) = [one for one in country.mixed.look(country.now) if one.kind is CaseKind.CODE_DIFFERS]
    assert (case.device, case.amount) == ("TILL0001-TILL0001", 990_000)
    [(times,)] = country.mixed.signed.ledger.rows("SELECT times FROM inspections.sighting WHERE differs <> ''")
    assert times == 2


def test_s0_004_an_online_receipt_that_nobody_sent_is_a_case_at_once(country: Country) -> None:
    till = country.opened(country.mixed.till)
    hidden = till.sell("50.00")
    assert country.told(hidden)["status"] == "not-found"
    assert CaseKind.SEEN_BY_BUYER in country.kinds()
    country.book(till)
    assert country.told(hidden)["status"] == "valid"


def test_s0_097_an_offline_receipt_waits_for_its_batch(country: Country) -> None:
    truck = country.opened(country.mixed.truck)
    sold = truck.sell("7.00")
    assert country.told(sold)["status"] == "pending"
    later = altered(sold, truck, time_ms=sold.signed.header.time_ms + 40 * 24 * 3_600_000)
    country.now += timedelta(hours=73)
    assert country.told(later)["status"] == "overdue", "it was shown before, whatever time is printed"
    country.book(truck)
    assert country.told(sold)["status"] == "valid"


def test_s0_097_a_part_that_came_is_told_at_the_page(country: Country) -> None:
    """The door of the offline channel and the page meet in the database alone, each under its own role."""
    truck = country.opened(country.mixed.truck)
    sold, kept_back = truck.sell("7.00"), truck.sell("8.00")
    uid, first = truck.device.uid, sold.signed.header.sequence
    assert country.told(sold)["isHere"] is False
    with psycopg.connect(country.mixed.dsn) as conn:
        sender = Sender(
            certificate_hash=sold.signed.header.kid,
            uid=Uid(uid),
            device_class=DeviceClass.HARDWARE,
            tin=Tin(truck.device.tin),
        )
        batch = Announcement(batch=b"a part of a day.", first=first)
        operations.announce(conn, sender, batch, country.now)
        part = operations.read_new_part(sender, 1, write_part([sold.signed.compact]), country.now)
        operations.put_part(conn, sender, batch.batch, part)
    assert (country.told(sold)["status"], country.told(sold)["isHere"]) == ("pending", True)
    country.now += timedelta(hours=100)
    assert (country.told(sold)["status"], country.told(kept_back)["status"]) == ("pending", "overdue")
    country.book(truck)
    assert (country.told(sold)["status"], country.told(sold)["isHere"]) == ("valid", True)


def test_s1_029_a_closing_that_is_not_the_sum_of_its_documents_is_a_case(country: Country) -> None:
    till = country.opened(country.mixed.till)
    till.sell("5.00")
    till.close(totals=attrs.evolve(till.state.totals, sales=NOTHING))
    country.book(till)
    (case,) = [one for one in country.mixed.look(country.now) if one.kind is CaseKind.REPORT_DIFFERS]
    assert case.device == "TILL0001-TILL0001"


def test_s1_031_a_register_that_reports_itself_as_another_one_is_a_case(country: Country) -> None:
    """Of two that say what they are once more, the one with another serial number than the registry has."""
    assert CaseKind.REGISTRATION_DIFFERS not in country.kinds()
    for register, serial in ((country.mixed.till, "SN-TILL0001"), (country.mixed.truck, "another")):
        if register.state.is_open:
            register.close()
        register.say(DocumentKind.RE_REGISTRATION, RegisterReport(maker="Maker", model="Till 1", serial_number=serial))
        country.book(register)
    found = [one for one in country.mixed.look(country.now) if one.kind is CaseKind.REGISTRATION_DIFFERS]
    assert [one.device for one in found] == ["TRUCK001-TRUCK001"]


def test_s0_004_a_shift_that_gives_most_of_it_back_is_a_case(country: Country) -> None:
    till = country.opened(country.mixed.till)
    for _ in range(5):
        till.refund(till.sell("20.00"), "19.00")
    till.close()
    country.book(till)
    (case,) = [one for one in country.mixed.look(country.now) if one.kind is CaseKind.REFUNDS_HIGH]
    assert case.amount == 950_000


def test_s0_004_a_stored_document_that_was_changed_is_a_case(country: Country) -> None:
    """D-MAN verifies ES256 with the certificate that the record names."""
    assert CaseKind.SIGNATURE_WRONG not in country.kinds()
    made = country.mixed.till.made[3]
    body = made.entry.body[:-10] + b"AAAAAAAAAA"
    country.mixed.signed.ledger.edit(
        f"UPDATE ledger.bodies SET body = '\\x{body.hex()}' WHERE log_index = {country.mixed.index_of(made)}"
    )
    assert {CaseKind.SIGNATURE_WRONG, CaseKind.BODY_CHANGED} <= country.kinds()


def test_a_revoked_device_makes_no_receipt(country: Country) -> None:
    truck = country.opened(country.mixed.truck)
    hidden = truck.sell("9.00")
    assert country.told(hidden)["status"] in ("pending", "overdue")
    with psycopg.connect(country.mixed.dsn) as conn:
        digest = hidden.signed.header.kid
        registry.revoke_certificate(conn, digest, truck.device.uid, SINCE, 1)
    assert country.told(hidden)["status"] == "invalid"
