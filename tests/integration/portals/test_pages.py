"""Headers on every answer, errors that show nothing of us, models that fit the tables, figures from every room."""

from __future__ import annotations

import re

import psycopg
import pytest
from django.test import override_settings
from portal_pages import Pages

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
}


def test_every_answer_carries_the_headers(pages: Pages) -> None:
    visitor = pages.signed_in()
    for path, status in (("/", 200), ("/live/figures/", 200), ("/nothing/", 404), ("/sign-in/", 200)):
        answer = visitor.get(path)
        assert answer.status_code == status
        parts = (part.strip().partition(" ") for part in answer.headers["Content-Security-Policy"].split(";"))
        assert {name: value for name, _, value in parts} == POLICY
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert answer.headers["Permissions-Policy"]
    redirect = pages.visitor().get("/")
    assert redirect.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "middleware", ["csp.middleware.CSPMiddleware", "tallystick.portals.headers.PrivatePageMiddleware"]
)
def test_switching_headers_off_turns_their_test_red(pages: Pages, middleware: str) -> None:
    from django.conf import settings

    without = [one for one in settings.MIDDLEWARE if one != middleware]
    with override_settings(MIDDLEWARE=without), pytest.raises((AssertionError, KeyError)):
        test_every_answer_carries_the_headers(pages)


def test_no_page_holds_script_or_style_of_its_own(pages: Pages) -> None:
    visitor = pages.signed_in()
    for path in ("/", "/live/figures/", "/sign-in/", pages.link(), "/nothing/"):
        text = visitor.get(path).content.decode()
        assert not re.findall(r"<style|style=|\son\w+=|<script(?![^>]* src=)", text)


def test_files_of_the_pages_are_served_and_kept(pages: Pages) -> None:
    for name, kind in (("portal.css", "text/css"), ("live.js", "text/javascript")):
        answer = pages.visitor().get(f"/static/operator/{name}")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith(kind)
        assert "max-age=" in answer.headers["Cache-Control"]
        answer.close()
    assert pages.visitor().get("/static/../settings.py").status_code == 404


def test_a_database_that_is_away_is_said_plainly(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import connections

    visitor = pages.signed_in()
    connections.close_all()
    monkeypatch.setitem(connections["default"].settings_dict, "HOST", "/nowhere")
    answer = visitor.get("/")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    text = answer.content.decode()
    assert "TS-5009" in text
    assert "nowhere" not in text
    connections.close_all()


def test_our_own_bug_shows_a_code_and_no_stack(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    from tallystick.portals.operator import views

    def broken() -> dict[str, object]:
        raise KeyError("secret")

    monkeypatch.setattr(views, "_figures", broken)
    answer = pages.signed_in().get("/")
    assert answer.status_code == 500
    assert "TS-5099" in answer.content.decode()
    assert "secret" not in answer.content.decode()
    assert "Traceback" not in answer.content.decode()


def test_a_foreign_host_name_is_refused(pages: Pages) -> None:
    assert pages.visitor().get("/sign-in/", HTTP_HOST="evil.example").status_code == 400


def test_unmanaged_models_fit_the_tables(pages: Pages) -> None:
    """Every column of a model is in the registry's table with a type that it can hold, and none is left over."""
    from django.apps import apps

    wanted = {"bigint": "BigAutoField", "text": "CharField", "boolean": "BooleanField"}
    wanted["timestamp with time zone"] = "DateTimeField"
    models = [model for model in apps.get_models() if not model._meta.managed]
    assert models
    for model in models:
        schema, table = model._meta.db_table.replace('"', "").split(".")
        columns = dict(
            pages.rows(
                "SELECT column_name, data_type FROM information_schema.columns "
                f"WHERE table_schema = '{schema}' AND table_name = '{table}'"
            )
        )
        fields = {field.column: field.get_internal_type() for field in model._meta.concrete_fields}
        assert fields == {str(name): wanted[str(kind)] for name, kind in columns.items()}


def test_the_figures_come_from_every_room(pages: Pages) -> None:
    digest, past = "decode(repeat('ab', 32), 'hex')", "'2020-01-01'"
    refused = f"INSERT INTO intake.refused SELECT {digest}, %s, '1', '', 3, 'TS-1202', '', 0, moment, moment"
    columns = (
        "uid, audit_sequence, nonce, total_counter, proven_counter, unaudited, card_limit, stated_sum, stated_limit"
    )
    request = f"SELECT 'ABCD1234', 1, {digest}, 9, 0, 1, 1, 1, 1, now(), 'incomplete', ARRAY[2, 2, 5, 7]"
    statements = (
        "INSERT INTO registry.taxpayer (tin, business_name) VALUES ('1', 'Shop'), ('2', 'Other')",
        f"{refused} FROM now() AS moment".replace("%s", "'NEW'"),
        f"{refused} FROM (SELECT {past}::timestamptz AS moment)".replace("%s", "'OLD'"),
        "INSERT INTO audit.cycle (uid, started_at) VALUES ('ABCD1234', now())",
        f"INSERT INTO audit.request ({columns}, received_at, state, missing) {request}",
    )
    with psycopg.connect(pages.dsn) as connection:
        for statement in statements:
            connection.execute(statement)
    page = pages.signed_in().get("/").content.decode()
    shown = dict(re.findall(r'class="name">([^<]+)</span> <span class="figure">([^<]+)<', page))
    assert shown["Taxpayers"] == "2"
    assert shown["Refused"] == "1"
    assert "in 24 hours, 2 kept" in page
    assert (shown["Cycles open"], shown["Waiting for documents"]) == ("1", "1")
    assert "<td>ABCD1234</td><td>2, 5–7</td>" in page
    assert page.count('<span class="mark">Attention: </span>') == 1
    assert "none yet" in page
