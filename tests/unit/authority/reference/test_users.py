"""Who is let in: nobody makes an officer alone, and each deed is an act (S0-030, security 7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import attrs
import psycopg
import pytest

from tallystick.authority.deeds import must_be_decided_anywhere
from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.registry import operations, points, queries, users
from tallystick.authority.reference.registry.persons import person
from tallystick.authority.reference.registry.users import Role
from tallystick.authority.reference.registry.values import FiscalDevice, Premises, Taxpayer
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.ops.approved_deeds import do_approved
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role

Connection = psycopg.Connection[Any]
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
VERA, OMAR, OTTO = Person("vera", "portal"), Person("omar", "portal"), Person("otto", "portal", "operator")
WHY = "joins the desk for registers"
TIN, OTHER = Tin("100000001"), Tin("100000002")


@pytest.fixture
def desk(database: str) -> Iterator[Connection]:
    """As officers are served."""
    with psycopg.connect(as_role(database, PORTAL)) as conn:
        users.found_officers(conn, {"vera": "Vera", "omar": "Omar"}, "shell:root", NOW)
        conn.commit()
        yield conn


def refused(code: str, deed: Any, *arguments: Any) -> None:
    with pytest.raises(Fault, match=code):
        deed(*arguments)


def carried_out(conn: Connection, number: int) -> None:
    must_be_decided_anywhere(conn, number)
    approvals.approve(conn, number, OMAR, NOW)
    conn.commit()
    with psycopg.connect(as_role(conn.info.dsn, INTAKE)) as worker:
        assert do_approved(worker, NOW) == 1


def test_nobody_makes_an_officer_alone(desk: Connection) -> None:
    refused("TS-4007", users.found_officers, desk, {"eve": "Eve", "mallory": "Mallory"}, "shell:root", NOW)
    number = users.add_user(desk, "eve", "Eve", Role.OFFICER, WHY, VERA, NOW)
    assert number is not None
    refused("TS-4003", person, desk, "eve", "portal")
    refused("TS-4005", approvals.approve, desk, number, VERA, NOW)
    refused("TS-4004", users.add_user, desk, "eve", "Eve", Role.OPERATOR, WHY, VERA, NOW)
    refused("TS-4003", users.add_user, desk, "mallory", "Mallory", Role.OFFICER, WHY, OTTO, NOW)
    desk.commit()
    carried_out(desk, number)
    assert person(desk, "eve", "portal").role == "officer"
    act = activity.newest(desk, verb=users.APPOINT)[0].act
    assert (act.actor, act.object, act.facts["asked_by"], act.purpose) == ("officer:omar", "user:eve", "vera", WHY)

    late = users.add_user(desk, "ida", "Ida", Role.OPERATOR, WHY, VERA, NOW)
    assert late is not None
    assert users.add_user(desk, "ida", "Ida", Role.DEVELOPER, WHY, VERA, NOW) is None
    desk.commit()
    carried_out(desk, late)
    assert person(desk, "ida", "portal", {"developer"}).role == "developer", "the name was taken meanwhile"
    assert activity.newest(desk, verb="registry.not-appointed")[0].act.facts["code"] == "TS-4007"


def test_the_others_are_one_officers_matter_and_a_name_stays_its_owners(desk: Connection) -> None:
    assert users.add_user(desk, "tina", "Tina", Role.TAXPAYER, WHY, OTTO, NOW) is None
    refused("TS-4007", users.add_user, desk, "tina", "Tina", Role.TAXPAYER, WHY, OTTO, NOW)
    refused("TS-4003", users.dismiss, desk, "nobody", WHY, VERA, NOW)
    users.dismiss(desk, "tina", WHY, VERA, NOW)
    refused("TS-4003", person, desk, "tina", "portal", {"taxpayer"})
    refused("TS-4003", users.dismiss, desk, "tina", WHY, VERA, NOW)
    refused("TS-4007", users.add_user, desk, "tina", "Tina", Role.MANUFACTURER, WHY, VERA, NOW)
    assert users.add_user(desk, "tina", "Tina", Role.TAXPAYER, WHY, VERA, NOW) is None
    assert person(desk, "tina", "portal", {"taxpayer"}).role == "taxpayer"
    users.dismiss(desk, "omar", WHY, VERA, NOW)
    assert isinstance(users.add_user(desk, "omar", "Omar", Role.OFFICER, WHY, VERA, NOW), int), "in again: two"
    for wrong in ("Tina", "", "1a", "a b", "a" * 33, "ä"):
        refused("TS-1220", users.add_user, desk, wrong, "Tina", Role.TAXPAYER, WHY, VERA, NOW)
    refused("TS-1220", users.add_user, desk, "tom", " ", Role.TAXPAYER, WHY, VERA, NOW)
    refused("TS-1220", users.add_user, desk, "tom", "Tom", Role.TAXPAYER, "because", VERA, NOW)

    operations.register_taxpayer(desk, Taxpayer(TIN, "Grocers"))
    refused("TS-1313", users.bind, desk, "tina", OTHER, WHY, VERA, NOW)
    refused("TS-4003", users.bind, desk, "vera", TIN, WHY, VERA, NOW)
    assert [users.bind(desk, "tina", TIN, WHY, VERA, NOW) for _ in range(2)] == [True, False]
    found = {name: (role, active, tins) for name, _, role, active, tins in queries.users(desk)}
    assert found["tina"] == ("taxpayer", True, [TIN])
    assert found["omar"] == ("officer", False, [])
    users.release(desk, "tina", TIN, WHY, VERA, NOW)
    refused("TS-4003", users.release, desk, "tina", TIN, WHY, VERA, NOW)
    verbs = [one.act.verb.partition(".")[2] for one in activity.newest(desk, limit=8)]
    assert verbs == [
        "release-user", "bind-user", "ask", "dismiss-user", "add-user", "dismiss-user", "add-user", "found-officer",
    ]  # fmt: skip
    users.dismiss(desk, "vera", WHY, VERA, NOW)
    refused("TS-1220", users.found_officers, desk, {"ann": "Ann"}, "shell:root", NOW)
    users.found_officers(desk, {"ann": "Ann", "vera": "Vera"}, "shell:root", NOW)
    assert [name for name, *_, active, _ in queries.users(desk, role="officer") if active] == ["ann", "vera"]


def test_s1_025_a_point_is_entered_changed_and_a_register_moves(desk: Connection) -> None:
    for tin in (TIN, OTHER):
        operations.register_taxpayer(desk, Taxpayer(tin, "Grocers"))
    users.add_user(desk, "centre", "Centre", Role.SERVICE_CENTRE, WHY, VERA, NOW)
    centre = person(desk, "centre", "portal", {"service_centre"})
    shop = Premises(tin=TIN, code="1", name="Shop", address="Street 1")
    refused("TS-4003", points.put_point, desk, shop, centre, NOW)
    users.bind(desk, "centre", TIN, WHY, VERA, NOW)
    first = points.put_point(desk, shop, centre, NOW)
    assert points.put_point(desk, attrs.evolve(shop, address="Street 2"), VERA, NOW) == first
    second = points.put_point(desk, attrs.evolve(shop, code="2"), VERA, NOW)
    foreign = points.put_point(desk, attrs.evolve(shop, tin=OTHER), VERA, NOW)
    refused("TS-1313", points.put_point, desk, attrs.evolve(shop, tin=Tin("999999999")), VERA, NOW)
    for wrong in (
        attrs.evolve(shop, name=""), attrs.evolve(shop, code=" 1"), attrs.evolve(shop, address="a\nb"),
        attrs.evolve(shop, city="x" * 201),
    ):  # fmt: skip
        refused("TS-1220", points.put_point, desk, wrong, VERA, NOW)
    device = FiscalDevice(
        uid=Uid("TILL0001"), device_class=1, tin=TIN, premises_id=first, maker="acme", model="T", serial_number="1"
    )  # fmt: skip
    operations.register_fiscal_device(desk, device)
    assert [points.move_device(desk, "TILL0001", second, WHY, centre, NOW) for _ in range(2)] == [True, False]
    moved = queries.fiscal_device(desk, "TILL0001")
    assert moved is not None
    assert moved.premises_id == second
    assert [(number, count) for number, _, count in queries.points(desk, tin=TIN)] == [(first, 0), (second, 1)]
    assert queries.points(desk, tin=TIN)[0][1].address == "Street 2"
    refused("TS-1313", points.move_device, desk, "TILL0001", foreign, WHY, VERA, NOW)
    refused("TS-2401", points.move_device, desk, "TILL0002", first, WHY, VERA, NOW)
    refused("TS-1220", points.move_device, desk, "TILL0001", first, "because", VERA, NOW)
    users.release(desk, "centre", TIN, WHY, VERA, NOW)
    refused("TS-4003", points.move_device, desk, "TILL0001", first, WHY, centre, NOW)
    act = activity.newest(desk, verb="registry.move-device")[0].act
    assert (act.for_whom, dict(act.facts)) == (TIN, {"from": str(first), "to": str(second)})
    operations.close_device(desk, "TILL0001", NOW, WHY)
    refused("TS-2401", points.move_device, desk, "TILL0001", first, WHY, VERA, NOW)
