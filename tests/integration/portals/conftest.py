"""Django's pages in this process, on the test's own database, as the portal's role."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from media_pages import CARD, FOREIGN, OWN, Media
from portal_pages import Pages
from psycopg.conninfo import conninfo_to_dict

from tallystick.authority.reference.registry.operations import create_user, let_user_act_for
from tallystick.ops.schema.roles import PORTAL, as_role


@pytest.fixture
def pages(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    """The site in demo mode, with an operator, two officers and a taxpayer."""
    import django
    from django.db import connections

    django.setup()
    monkeypatch.setenv("TALLYSTICK_PORTAL_DEMO", "1")
    with psycopg.connect(database) as connection:
        operator = create_user(connection, "operator", "!", "Operator of Antarctica", "operator")
        taxpayer = create_user(connection, "taxpayer", "!", "A taxpayer", "taxpayer")
        officers = [create_user(connection, name, "!", name.title(), "officer") for name in ("vera", "omar")]
    assert operator is not None
    assert taxpayer is not None
    vera, omar = officers
    assert vera is not None
    assert omar is not None
    parts = conninfo_to_dict(as_role(database, PORTAL))
    django_connection = connections["default"]
    for name, part in (("NAME", "dbname"), ("USER", "user"), ("HOST", "host")):
        monkeypatch.setitem(django_connection.settings_dict, name, str(parts[part]))
    yield Pages(database, operator, taxpayer, (vera, omar))
    connections.close_all()


@pytest.fixture
def media(pages: Pages) -> Media:
    """The site with two taxpayers."""
    with psycopg.connect(pages.dsn) as connection:
        connection.execute("INSERT INTO registry.taxpayer (tin, business_name) VALUES ('1', 'Shop'), ('2', 'Other')")
        for uid, tin in ((OWN, "1"), (FOREIGN, "2")):
            connection.execute(CARD, (uid, tin, uid, tin))
        let_user_act_for(connection, "taxpayer", "1")
        officer = create_user(connection, "officer", "!", "An officer", "officer")
        stranger = create_user(connection, "stranger", "!", "Another taxpayer's", "taxpayer")
        let_user_act_for(connection, "stranger", "2")
        assert officer is not None
        assert stranger is not None
    return Media(pages, officer, stranger)
