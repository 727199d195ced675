"""Who may act, from the pages and from a shell: an account that is somebody's own speaks for nobody else."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tallystick.authority.reference.registry.operations import create_user
from tallystick.authority.reference.registry.persons import person
from tallystick.kernel.faults import Fault

Connection = psycopg.Connection[Any]


@pytest.fixture
def conn(connection: Connection) -> Connection:
    """Two officers, an operator, and an officer who left."""
    for name, role in (("ann", "officer"), ("bob", "officer"), ("olga", "operator"), ("gone", "officer")):
        create_user(connection, name, "!", name.title(), role)
    connection.execute("UPDATE registry.app_user SET is_active = false WHERE username = 'gone'")
    return connection


@pytest.mark.parametrize("came_from", ["portal", "shell:ann", "shell:root"])
def test_an_officer_from_the_pages_his_own_account_or_one_that_is_no_users(conn: Connection, came_from: str) -> None:
    found = person(conn, "ann", came_from)
    assert (found.username, found.came_from, found.actor) == ("ann", came_from, "officer:ann")


@pytest.mark.parametrize("account", ["bob", "olga", "gone"])
def test_ts_4021_the_account_of_another_user_speaks_for_nobody_else(conn: Connection, account: str) -> None:
    with pytest.raises(Fault) as caught:
        person(conn, "ann", f"shell:{account}")
    assert caught.value.code == "TS-4021"


@pytest.mark.parametrize("name", ["olga", "gone", "nobody", "", "Ann"])
def test_ts_4003_who_is_no_active_officer(conn: Connection, name: str) -> None:
    with pytest.raises(Fault) as caught:
        person(conn, name, "portal")
    assert caught.value.code == "TS-4003"


def test_the_role_is_his_own(conn: Connection) -> None:
    assert person(conn, "olga", "portal", ("officer", "operator")).actor == "operator:olga"
